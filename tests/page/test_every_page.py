"""Every page in both themes and at two widths: it opens, axe finds nothing serious, nothing sticks out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.acceptance.node import Node
from tests.page.accessibility import check_accessibility
from tests.page.conftest import ADMIN, STARTER, Shot
from tests.page.lived_in import lived_in
from tests.page.visits import DESK, PHONE, Visits

PAGES = {
    "overview": "/dashboard",
    "machines": "/dashboard/machines",
    "endpoints": "/dashboard/endpoints",
    "models": "/dashboard/models",
    "history": "/dashboard/history",
    "statistics": "/dashboard/statistics",
    "logs": "/dashboard/logs",
    "access": "/dashboard/access",
    "settings": "/dashboard/settings",
    "playground": "/playground",
}
MOST_TABS = 20
LANDMARK = "() => ['main', 'nav', 'header'].find(name => document.activeElement.closest(name)) ?? ''"
HAS_OUTLINE = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
}"""
WITHOUT_SIGNING_IN = {"sign-in": "/dashboard/sign-in", "register": "/dashboard/register"}


@pytest.fixture(scope="module", autouse=True)
def _lived_in(node: Node) -> Iterator[None]:
    with lived_in(node, model=STARTER):
        yield


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", [*PAGES, *WITHOUT_SIGNING_IN])
def test_in_both_themes(visits: Visits, shot: Shot, name: str, size: ViewportSize) -> None:
    path = PAGES.get(name) or WITHOUT_SIGNING_IN[name]
    page = visits.begin(ADMIN if name in PAGES else None, size=size)
    open_page(page, path)
    shot(page, f"{name}-{size['width']}-light")
    check_accessibility(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    shot(page, f"{name}-{size['width']}-dark")
    check_accessibility(page, rules=["color-contrast"])
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= size["width"], f"{path} is {wide} px wide where {size['width']} px are"


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_navigation_and_content(page: Page, name: str) -> None:
    open_page(page, PAGES[name])
    page.get_by_role("link", name="Skip to the content").focus()
    places = [focused_in(page)]
    while "nav" not in places:
        assert len(places) < MOST_TABS, f"{MOST_TABS} tabs don't reach the navigation: {places}"
        page.keyboard.press("Tab")
        places.append(focused_in(page))
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert focused_in(page) == "main"
    assert page.evaluate(HAS_OUTLINE), "what has the focus doesn't show it"


def focused_in(page: Page) -> str:
    """The landmark around what has the focus."""
    found: str = page.evaluate(LANDMARK)
    return found


def open_page(page: Page, path: str) -> None:
    """Go there, and wait until nothing loads any more."""
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true], .skeleton, .spinner")).to_have_count(0)

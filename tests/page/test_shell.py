"""What surrounds every page: navigation, themes, safety, and a connection that breaks and comes back."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from corral.app.desktop.art import app_image
from tests.acceptance.node import Node
from tests.page.conftest import ADMIN, Shot
from tests.page.visits import PHONE, Visits
from tests.page.watch import PageWatch

Axe = Callable[[Page], None]


def test_pages_and_their_titles(page: Page, axe: Axe) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/dashboard$"))
    navigation = page.get_by_role("navigation", name="Pages", exact=True)
    for name in ("Machines", "Models", "History", "Access", "Settings"):
        navigation.get_by_role("link", name=name).click()
        expect(page).to_have_title(re.compile(f"^{name} · Corral$"))
        expect(navigation.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page).to_have_title(re.compile("^Access"))
    page.goto("/dashboard/no-such-page")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="To the overview").click()
    expect(page).to_have_url(re.compile("/dashboard$"))


def test_one_mark_everywhere(page: Page) -> None:
    """What the browser draws in the tab and in the corner is the program's icon."""
    page.goto("/dashboard/no-such-page")
    corner = page.get_by_role("banner").locator("a img")
    expect(corner).to_be_visible()
    tab = page.locator("link[rel=icon]")
    assert corner.evaluate("image => image.src") == tab.evaluate("link => link.href")
    drawn = corner.evaluate(
        """async image => {
            const context = new OffscreenCanvas(64, 64).getContext("2d");
            await image.decode();
            context.drawImage(image, 0, 0, 64, 64);
            return [...context.getImageData(0, 0, 64, 64).data];
        }"""
    )
    icon = app_image(64).tobytes()
    off = [abs(one - other) for one, other in zip(drawn, icon, strict=True)]
    assert sum(off) / len(off) < 5, "webui/src/mark.svg isn't what desktop/art.py draws"


def test_the_keyboard_skips_the_navigation(page: Page) -> None:
    page.goto("/dashboard/settings")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_a_theme_is_chosen_and_kept(page: Page, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard/no-such-page")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Colours").press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitemradio", name="Dark")).to_be_focused()
    shot(page, "shell-menu-light", full_page=False)
    page.keyboard.press("Enter")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Colours")).to_be_focused()
    page.reload()
    expect(page.get_by_role("button", name="Colours")).to_be_visible()
    expect(root).to_have_attribute("data-theme", "dark")
    axe(page)
    page.get_by_role("button", name="Colours").click()
    page.get_by_role("menuitemradio", name="As the system").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")


def test_navigation_in_the_hand(visits: Visits, axe: Axe, shot: Shot) -> None:
    page = visits.begin(ADMIN, size=PHONE, scheme="dark")
    page.goto("/dashboard/no-such-page")
    navigation = page.get_by_role("navigation", name="Pages", exact=True)
    expect(page.get_by_role("button", name="Open the menu")).to_be_visible()
    expect(navigation).to_be_hidden()
    page.get_by_role("button", name="Open the menu").click()
    expect(navigation).to_be_visible()
    axe(page)
    shot(page, "shell-navigation-phone-dark", full_page=False)
    page.keyboard.press("Escape")
    expect(navigation).to_be_hidden()
    expect(page.get_by_role("button", name="Open the menu")).to_be_focused()
    page.get_by_role("button", name="Open the menu").click()
    navigation.get_by_role("link", name="Models").click()
    expect(page).to_have_title(re.compile("^Models"))
    expect(navigation).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_viewers_see_what_they_may(viewer_page: Page, axe: Axe) -> None:
    viewer_page.goto("/dashboard/settings")
    expect(viewer_page.get_by_text("This page is for administrators")).to_be_visible()
    navigation = viewer_page.get_by_role("navigation", name="Pages", exact=True)
    expect(navigation.get_by_role("link", name="Playground")).to_be_visible()
    expect(navigation.get_by_role("link", name="Settings")).to_have_count(0)
    axe(viewer_page)


def test_only_files_of_the_page_are_served(node: Node) -> None:
    with httpx.Client(base_url=node.url) as http:
        index = http.get("/dashboard/anything/deep")
        assert "content-security-policy" in index.headers
        for part in re.findall(r'(?:src|href)="(/dashboard/assets/[^"]+)"', index.text):
            answer = http.get(part)
            assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
        for path in (
            "../index.html",
            "%2e%2e/index.html",
            "..%2f..%2f__init__.py",
            "%2fetc%2fpasswd",
            "x.js",
        ):
            answer = http.get(f"/dashboard/assets/{path}")
            assert "def " not in answer.text and "root:" not in answer.text
            assert answer.status_code == 404 or answer.text == index.text


def test_a_page_survives_the_end_of_its_node(
    visits: Visits, watch: PageWatch, tmp_path: Path, shot: Shot
) -> None:
    watch.expect_error("net::ERR_")
    watch.expect_status(503)
    node = Node(tmp_path / "data", models=tmp_path, settings={"CORRAL_ADMIN_PASSWORD": ADMIN.password})
    try:
        node.wait_until_ready()
        page = visits.begin(ADMIN, node=node)
        page.goto("/dashboard/no-such-page")
        connection = page.get_by_role("banner").get_by_role("status")
        expect(connection).to_have_text("Live")
        node.stop()
        expect(connection).not_to_have_text("Live")
        notice = page.get_by_text(re.compile("goes on by itself|tried again by itself"))
        expect(notice).to_be_visible()
        shot(page, "shell-connection-lost", full_page=False)
        expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
        node.start_again()
        expect(connection).to_have_text("Live")
        expect(notice).to_be_hidden()
        page.close()
    finally:
        node.stop()

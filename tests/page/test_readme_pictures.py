"""The pictures of the README: a cluster of three machines that was used for a while. `make screenshots` keeps them."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.node import Node
from tests.page.conftest import ADMIN, STARTER
from tests.page.farm import running_farm
from tests.page.lived_in import lived_in
from tests.page.visits import Scheme, Visits

MOST_BYTES = 150_000
MACHINES = ("meadow", "barn", "orchard")
QUESTION = "What is the capital city of France? Answer in English."


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory, models_folder: Path, browser: Browser) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("farm")
    settings = {"CORRAL_ADMIN_PASSWORD": ADMIN.password}
    with (
        running_farm(MACHINES, folder, models=models_folder, settings=settings) as nodes,
        lived_in(nodes[0], model=STARTER, troubles=False),
    ):
        yield nodes[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(visits: Visits, router: Node, shots_folder: Path, scheme: Scheme) -> None:
    page = visits.begin(ADMIN, scheme=scheme, node=router)
    page.goto("/dashboard")
    for machine in MACHINES:
        expect(page.get_by_role("link", name=machine).first).to_be_visible()
    expect(page.locator("[aria-busy=true], .skeleton, .spinner")).to_have_count(0)
    keep(page, shots_folder / f"overview-{scheme}.webp")

    page.goto(f"/playground?model={STARTER}")
    page.get_by_role("button", name="Settings of the chat").click()
    page.get_by_role("textbox", name="Temperature").fill("0")
    page.get_by_role("button", name="Close the settings").first.click()
    page.get_by_role("textbox", name="Message").fill(QUESTION)
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.get_by_role("button", name="Answer again")).to_be_visible(timeout=60_000)
    keep(page, shots_folder / f"playground-{scheme}.webp")

    page.goto("/dashboard/history?q=sheep")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Sheep graze")
    keep(page, shots_folder / f"history-{scheme}.webp")


def keep(page: Page, path: Path) -> None:
    """What is in view, as WebP, which Playwright itself doesn't write."""
    taken = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": 90}
    )
    picture = base64.b64decode(taken["data"])
    assert len(picture) < MOST_BYTES
    path.write_bytes(picture)

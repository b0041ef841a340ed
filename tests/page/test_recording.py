"""A disk that fills up while people look: the page says that requests are no longer recorded, and when they are again."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.acceptance.node import Node
from tests.page.conftest import ADMIN
from tests.page.records import ask
from tests.page.visits import Visits
from tests.small_disk import SmallDisk


@pytest.mark.usefixtures("built_page")
def test_a_full_disk_is_told_and_its_end(visits: Visits, small_disk: SmallDisk, models_folder: Path) -> None:
    settings = {"CORRAL_ADMIN_PASSWORD": ADMIN.password}
    node = Node(small_disk.folder / "data", models=models_folder, settings=settings)
    try:
        node.wait_until_ready()
        page = visits.begin(ADMIN, node=node)
        page.goto("/dashboard")
        told = page.get_by_text("Requests are not being recorded")
        expect(page.get_by_role("heading", name="Latest requests")).to_be_visible()
        assert not told.is_visible()

        small_disk.fill()
        assert ask(node, "long" + " word" * 4_000) == 200
        expect(told).to_be_visible()
        page.get_by_role("link", name="History", exact=True).click()
        banner = page.get_by_role("status").filter(has_text="Recording is paused:")
        expect(banner).to_contain_text("Answers go on")
        assert ask(node, "goes on") == 200
        small_disk.make_room()
        expect(banner).to_be_hidden()
        expect(page.get_by_role("table").locator("tbody tr")).to_have_count(2)
        page.close()
    finally:
        node.stop()

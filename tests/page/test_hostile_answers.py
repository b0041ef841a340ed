"""A model's answer that attacks the page: shown as text, in the playground and in the history."""

import re

from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.fakes.openai_server import Plan, openai_server
from tests.page import hostile
from tests.page.background import in_background
from tests.page.conftest import Shot

MODEL = "attacker"
FORBIDDEN = "script, iframe, object, embed, form, style, [style*=fixed], [onerror], [onload], [href^='javascript:' i], [href^='data:' i]"


def test_it_is_shown_and_does_nothing(page: Page, node: Node, shot: Shot) -> None:
    with (
        in_background(openai_server(models=(MODEL,), plan=Plan(words=hostile.WORDS))) as attacker,
        node.client() as http,
    ):
        made = http.post("/v0/endpoints", json={"name": "Attacker", "base_url": attacker.base_url}).json()
        try:
            page.goto(f"/playground?model={MODEL}")
            page.get_by_role("textbox", name="Message").fill("Attack me")
            page.get_by_role("textbox", name="Message").press("Enter")
            expect(page.get_by_text(hostile.MARK)).to_be_visible(timeout=60_000)
            is_harmless(page)
            shot(page, "hostile-playground", full_page=False)
            page.goto("/dashboard/history?q=Attack")
            page.get_by_role("table").get_by_role("link").first.click()
            expect(page.get_by_role("dialog")).to_contain_text("over everything")
            is_harmless(page)
            shot(page, "hostile-history", full_page=False)
        finally:
            http.delete(f"/v0/endpoints/{made['id']}")


def is_harmless(page: Page) -> None:
    """Nothing of it ran, nothing of it could, and the page is as wide as before."""
    expect(page.get_by_text("fine link")).to_be_visible()
    assert page.evaluate("() => window.attacked") is None
    expect(page.locator("main, dialog").locator(FORBIDDEN)).to_have_count(0)
    expect(page).to_have_title(re.compile("Corral"))
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")

"""Chats in the playground, as a person has them."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.node import Node
from tests.fakes.openai_server import FakeOpenAI

_QUIET_S = 15.0
_POLL_S = 0.05


def begin(page: Page) -> None:
    """Go to the playground. Each test has a browser context of its own, so there are no chats."""
    page.set_default_timeout(15_000)
    page.goto("/playground")
    expect(page.get_by_role("heading", name="Try a model")).to_be_visible()


@contextmanager
def served_elsewhere(node: Node, upstream: FakeOpenAI) -> Iterator[None]:
    """Its models are those of the node too."""
    with node.client() as http:
        made = http.post("/v0/endpoints", json={"name": "Elsewhere", "base_url": upstream.base_url})
        made.raise_for_status()
        path = f"/v0/endpoints/{made.json()['id']}"
        try:
            wait_until(lambda: http.get(path).json()["status"] == "online")
            yield
        finally:
            http.delete(path)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _QUIET_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(_POLL_S)


def choose(page: Page, model: str) -> None:
    page.get_by_role("button", name=re.compile("^Model: ")).click()
    page.get_by_role("combobox", name="Search models").fill(model)
    page.locator("[role=option] .id", has_text=re.compile(rf"^(Use “)?{re.escape(model)}”?$")).click()
    expect(page.get_by_role("button", name=f"Model: {model}", exact=True)).to_be_visible()


def ask(page: Page, words: str) -> None:
    page.get_by_role("textbox", name="Message").fill(words)
    page.get_by_role("textbox", name="Message").press("Enter")


def answers(page: Page) -> Locator:
    return page.locator("article.answer")


def active(node: Node) -> int:
    with node.client() as http:
        models = http.get("/v0/node/models").json()["models"]
    return sum(each["live"].get("active", 0) for each in models)

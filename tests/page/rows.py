"""Rows of the tables that pages show, and what models say that stand in them."""

from playwright.sync_api import Locator, Page

from tests.acceptance.node import Node


def row_of(page: Page, name: str) -> Locator:
    """Of the table that is shown."""
    return page.get_by_role("row").filter(has_text=name)


def choose(page: Page, name: str, action: str) -> None:
    """An entry of the menu of a row."""
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=action, exact=True).click()


def asked(node: Node, model: str) -> str:
    """What a model answers to whoever uses the API."""
    with node.client() as http:
        messages = [{"role": "user", "content": "Hi"}]
        body = {"model": model, "messages": messages, "max_tokens": 4}
        answer = http.post("/v1/chat/completions", json=body)
        answer.raise_for_status()
        return str(answer.json()["choices"][0]["message"]["content"])

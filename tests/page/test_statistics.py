"""The page Statistics: what was used by whom, and how long answers took."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.page.conftest import PARROT
from tests.page.records import ask, recorded

STATISTICS = "/dashboard/statistics"
MANY = 500  # so that the model is among those that are shown by name, whatever other tests asked for


def test_by_model_and_by_key(page: Page, node: Node, axe: Callable[..., None]) -> None:
    with node.client() as http:
        made = http.post("/v0/api-keys", json={"name": "counted crane", "scopes": ["api"]}).json()
        body = {"model": PARROT, "messages": [{"role": "user", "content": "one two three cranes " * MANY}]}
        key = {"authorization": f"Bearer {made['key']}"}
        httpx.post(f"{node.url}/v1/chat/completions", json=body, headers=key, timeout=30).raise_for_status()
        ask(node, "four five", model="no-such-crane")
        recorded(node, model="no-such-crane")
        http.delete(f"/v0/api-keys/{made['id']}")
    page.goto(f"{STATISTICS}?range=24h")
    models = page.get_by_role("table", name="Requests and tokens of each")
    expect(models.get_by_role("row", name=re.compile(rf"^{PARROT} "))).to_be_visible()
    page.get_by_role("combobox", name="Told apart by").select_option("key")
    row = models.locator("tr", has_text="counted crane")
    expect(row.locator("td").nth(1)).to_have_text("1")
    expect(page).to_have_url(f"{node.url}{STATISTICS}?range=24h&by=key")
    percentiles = page.get_by_role("table", name="How long answers took")
    expect(percentiles.locator("tr", has_text="All together")).to_be_visible()
    expect(percentiles.locator("tr", has_text="counted crane").locator("td").nth(1)).to_have_text("1")
    axe(page)


def test_other_times_and_the_chart_as_a_table(page: Page, node: Node) -> None:
    ask(node, "counted once " * MANY)
    recorded(node, q="counted once")
    page.goto(STATISTICS)
    page.get_by_role("combobox", name="Time").select_option("12m")
    tokens = page.locator("section", has=page.get_by_role("heading", name="Tokens"))
    expect(tokens.get_by_role("img", name="Tokens")).to_be_visible()
    tokens.get_by_role("button", name="Show as a table").click()
    expect(tokens.get_by_role("row")).to_have_count(13)
    expect(tokens.get_by_role("columnheader", name=PARROT, exact=True)).to_be_visible()
    for other in ("7d", "30d", "24h"):
        page.get_by_role("combobox", name="Time").select_option(other)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(tokens.get_by_role("row")).to_have_count(25)

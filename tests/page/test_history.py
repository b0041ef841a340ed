"""The page History: what was asked is found, read, exported and asked again."""

import csv
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.node import API_KEY, Node
from tests.page.conftest import PARROT
from tests.page.records import ask, recorded

HISTORY = "/dashboard/history"
LONG_LINE = "A" * 100_000
HOSTILE = """<script>window.attacked = 1</script> <img src=x onerror="window.attacked = 2">
[link](javascript:window.attacked=3)"""


def rows(page: Page) -> Locator:
    return page.get_by_role("table").locator("tbody tr")


def saved(page: Page, item: str) -> str:
    """The text of the file that an entry of the menu Export gives."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def after(request: dict[str, Any]) -> str:
    """A time at which it had begun already."""
    return (datetime.fromisoformat(request["started_at"]) + timedelta(milliseconds=1)).isoformat()


def test_filter_detail_export(page: Page, node: Node, axe: Callable[..., None]) -> None:
    ask(node, "quokkas graze at dusk", stream=True)
    ask(node, "quokkas of nobody", model="no-such-quokka")
    asked = recorded(node, q="quokkas", model=PARROT)
    recorded(node, q="quokkas", model="no-such-quokka")
    page.goto(HISTORY)
    page.get_by_role("searchbox", name="Search in questions and answers").fill("quokkas")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("combobox", name="Model").select_option(PARROT)
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"model={PARROT}"))
    expect(page).to_have_url(re.compile("q=quokkas"))
    table = list(csv.DictReader(saved(page, "CSV").splitlines()))
    assert [row["id"] for row in table] == [asked["id"]]
    assert "quokkas graze at dusk" in table[0]["request_body"]
    [exported] = json.loads(saved(page, "JSON"))
    assert exported == asked

    rows(page).get_by_role("link").click()
    detail = page.get_by_role("dialog")
    expect(detail.get_by_text("quokkas graze at dusk")).to_have_count(2)  # the parrot's answer, too
    expect(detail.locator("dl")).to_contain_text(f"Answered by {asked['runtime']}")
    axe(page)
    detail.get_by_role("tab", name="Request").click()
    expect(detail.get_by_role("region", name="Request (JSON)")).to_contain_text('"stream": true')
    page.reload()
    expect(page.get_by_role("dialog").get_by_text("quokkas graze at dusk")).to_have_count(2)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Clear filters").click()
    expect(page).to_have_url(re.compile(rf"{HISTORY}$"))


def test_a_failed_request_is_one_click_away(page: Page, node: Node) -> None:
    ask(node, "a lynx that is answered")
    ask(node, "a lynx that is lost", model="no-such-lynx")
    recorded(node, q="lynx", model="no-such-lynx")
    page.goto(f"{HISTORY}?q=lynx")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Failed only").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Refused · 404")
    expect(rows(page)).to_contain_text("Unknown model")
    rows(page).get_by_role("link").click()
    wrong = page.get_by_role("dialog").get_by_label("What it means")
    expect(wrong).to_contain_text("'no-such-lynx'")
    expect(wrong).to_contain_text("No machine and no endpoint has a model of this name.")


def test_nothing_is_found(page: Page) -> None:
    page.goto(f"{HISTORY}?q=wordthatnobodysaid")
    expect(page.get_by_text("No request matches these filters")).to_be_visible()


def test_it_says_when_nothing_is_recorded(page: Page, node: Node) -> None:
    ask(node, "a bat before")
    recorded(node, q="bat")
    with node.client() as http:
        http.put("/v0/cluster/settings/history", json={"value": "off"}).raise_for_status()
        try:
            page.goto(HISTORY)
            expect(page.get_by_text("Recording is off.")).to_be_visible()
        finally:
            http.put("/v0/cluster/settings/history", json={"value": None}).raise_for_status()
    page.reload()
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_text("Recording is off.")).to_have_count(0)


def test_pages(page: Page, node: Node) -> None:
    for number in range(11):
        ask(node, f"otter number{number}")
    recorded(node, q="otter number10")
    page.goto(f"{HISTORY}?q=otter")
    page.get_by_role("combobox", name="Rows on a page").select_option("10")
    expect(rows(page)).to_have_count(10)
    page.get_by_role("button", name="Next").click()
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"per_page=10&page=2"))


def test_the_curl_command_asks_the_same(page: Page, node: Node) -> None:
    text = "it's a \"tapir\"\nin `a` $HOME \\ of 'its' own; # ü"
    ask(node, text, temperature=0.5)
    asked = recorded(node, q="tapir")
    page.goto(f"{HISTORY}/{asked['id']}")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("dialog").get_by_text("Copied").first).to_be_visible()
    command = page.evaluate("() => navigator.clipboard.readText()")
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "CORRAL_API_KEY": API_KEY},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "tapir" in json.loads(done.stdout)["choices"][0]["message"]["content"]
    again = recorded(node, q="tapir", start=after(asked))
    assert again["request_body"] == asked["request_body"]


def test_it_goes_on_in_the_playground(page: Page, node: Node) -> None:
    ask(node, "a stoat to go on with", temperature=0.25)
    page.goto(f"{HISTORY}/{recorded(node, q='stoat')['id']}")
    page.get_by_role("button", name="Open in playground").click()
    expect(page).to_have_url(re.compile("/playground/"))
    expect(page.get_by_role("main").get_by_text("a stoat to go on with").first).to_be_visible()


def test_new_requests_wait_above_the_list(page: Page, node: Node) -> None:
    ask(node, "an egret before")
    recorded(node, q="egret")
    page.goto(f"{HISTORY}?model={PARROT}")
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    first = rows(page).first.get_by_role("link").get_attribute("href")
    ask(node, "an egret that has just come")
    page.get_by_role("button", name="1 new request").click()
    expect(rows(page).nth(1).get_by_role("link")).to_have_attribute("href", str(first))
    rows(page).first.get_by_role("link").click()
    expect(page.get_by_role("dialog").get_by_text("an egret that has just come")).to_have_count(2)


def test_what_was_said_is_text_only(phone_page: Page, node: Node) -> None:
    ask(node, f"{HOSTILE} {LONG_LINE} ibex")
    asked = recorded(node, q="ibex")
    phone_page.goto(f"{HISTORY}/{asked['id']}")
    detail = phone_page.get_by_role("dialog")
    expect(detail.get_by_text("<script>").first).to_be_visible()
    detail.get_by_role("button", name="Show all").first.click()
    expect(detail.get_by_role("button", name="Show all")).to_have_count(1)  # of the answer
    assert phone_page.evaluate("() => window.attacked") is None
    wide = detail.locator(".inside").evaluate("box => box.scrollWidth - box.clientWidth")
    assert wide == 0


def test_a_request_is_a_short_card_on_a_phone(phone_page: Page, node: Node) -> None:
    ask(node, "a wombat in the hand")
    asked = recorded(node, q="wombat")
    phone_page.goto(f"{HISTORY}?q=wombat")
    card = rows(phone_page).first
    for words in ("Answered", PARROT, str(asked["total_tokens"])):
        expect(card).to_contain_text(words)
    lines = card.locator("td:visible").evaluate_all(
        "cells => new Set(cells.map(cell => Math.round(cell.getBoundingClientRect().bottom))).size"
    )
    box = card.bounding_box()
    assert box is not None and lines == 3 and box["height"] < 4 * 28

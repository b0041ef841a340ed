"""The page Logs: a machine's log as it grows, and who changed what."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.node import Node
from tests.fakes.listening import listening
from tests.page.background import in_background
from tests.page.records import ask

LOGS = "/dashboard/logs"


def log(page: Page) -> Locator:
    return page.get_by_role("region", name="Log of")


def test_it_follows(page: Page, node: Node, axe: Callable[..., None]) -> None:
    page.goto(LOGS)
    expect(log(page).get_by_role("button").first).to_be_visible()
    ask(node, "hello", model="lost-sheep-one")
    expect(log(page).get_by_text("lost-sheep-one").last).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused. New entries wait.")).to_be_visible()
    ask(node, "hello", model="lost-sheep-two")
    page.get_by_role("button", name="Follow").click()
    expect(log(page).get_by_text("lost-sheep-two").last).to_be_visible()
    log(page).get_by_role("button", name="lost-sheep-two").last.click()
    expect(page.get_by_role("dialog")).to_contain_text("request_id")


def test_levels_search_and_download(page: Page, node: Node) -> None:
    ask(node, "hello", model="lost-lamb")
    page.goto(LOGS)
    level = page.get_by_role("combobox", name="How much is logged")
    try:
        level.select_option("debug")
        expect(log(page).get_by_text("log level changed").last).to_be_visible()
        with node.client() as http:
            assert http.get("/log/level").json() == {"level": "debug"}
    finally:
        level.select_option("info")
    expect(log(page).get_by_text("before=debug").last).to_be_visible()
    expect(page.get_by_text("logs from level info")).to_be_visible()

    page.get_by_role("searchbox", name="Search in the log").fill("lost-lamb")
    expect(log(page).get_by_text("log level changed")).to_have_count(0)
    expect(log(page).get_by_text("lost-lamb").first).to_be_visible()
    page.get_by_role("searchbox", name="Search in the log").fill("")
    page.get_by_role("combobox", name="Show").select_option("warning")
    expect(log(page).get_by_text("log level changed").last).to_be_visible()
    expect(log(page).get_by_text("lost-lamb")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".log")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["level"] for entry in entries} <= {"warning", "error", "critical"}
    assert "log level changed" in [entry["event"] for entry in entries]


def test_changes_appear_as_they_are_made(page: Page, node: Node) -> None:
    page.goto(f"{LOGS}?tab=audit")
    table = page.get_by_role("table")
    expect(table.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    with node.client() as http:
        made = http.post("/v0/api-keys", json={"name": "audited heron", "scopes": ["api"]}).json()
        row = table.locator("tr", has_text="audited heron")
        expect(row).to_contain_text("POST /v0/api-keys")
        expect(row).to_contain_text("Done")
        http.delete(f"/v0/api-keys/{made['id']}")
    expect(table.get_by_text(f"DELETE /v0/api-keys/{made['id']}")).to_be_visible()
    page.get_by_role("searchbox").fill("heron")
    expect(table.locator("tbody tr")).to_have_count(1)


@asynccontextmanager
async def runtime_server() -> AsyncIterator[int]:
    """A runtime's port; its log has one entry more each time it is read."""
    entries: list[dict[str, str]] = []

    async def logs(request: web.Request) -> web.Response:
        at = f"2026-01-31T12:00:00.{len(entries):06}Z"
        entries.append({"event": f"bale {len(entries)}", "level": "info", "timestamp": at})
        return web.json_response({"entries": entries})

    app = web.Application()
    app.router.add_get("/v0/logs", logs)
    async with listening(app) as port:
        yield port


def test_the_log_of_another_machine(page: Page, node: Node) -> None:
    with in_background(runtime_server()) as port, node.client() as http:
        body = {
            "machine_name": "hay barn",
            "ip_address": "127.0.0.1",
            "runtime_version": "1",
            "runtime_port": port - 1,
            "gpu_available": False,
        }
        made = http.post("/v0/runtimes", json=body).json()
        try:
            page.goto(LOGS)
            page.get_by_role("combobox", name="Machine").select_option(label="hay barn (runtime)")
            expect(log(page).get_by_text("bale 2")).to_be_visible()
            expect(log(page).get_by_text("bale 1")).to_have_count(1)
            expect(page.get_by_text("is changed on its own dashboard")).to_be_visible()
            page.get_by_role("button", name="Pause").click()
        finally:
            http.delete(f"/v0/runtimes/{made['runtime_id']}")

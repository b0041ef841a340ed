"""The playground: chats, what they are asked with, and how they are kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.node import API_KEY, Node
from tests.fakes.openai_server import Plan, openai_server
from tests.page.background import in_background
from tests.page.chats import active, answers, ask, begin, choose, served_elsewhere, wait_until
from tests.page.conftest import PARROT, SLOW_PARROT, STARTER, VIEWER, Shot
from tests.page.visits import Visits
from tests.page.watch import PageWatch


@pytest.fixture
def page(page: Page) -> Page:
    """The playground, for an administrator."""
    begin(page)
    return page


def test_a_chat_with_the_starter_model(page: Page, node: Node, shot: Shot, axe: Callable[..., None]) -> None:
    choose(page, STARTER)
    page.get_by_role("button", name="Settings of the chat").click()
    page.get_by_label("Most tokens").fill("120")  # it may ramble
    page.get_by_role("button", name="Close the settings").first.click()
    ask(page, "Name three animals of a farm, as a list.")
    expect(page.get_by_role("button", name="Answer again")).to_be_visible(timeout=60_000)
    with node.client() as http:
        name = http.get("/health").json()["node"]
    facts = page.get_by_role("list", name="About this answer")
    for said in (f"on {name}", "tokens/s", "to the first token", "tokens"):
        expect(facts).to_contain_text(said)
    expect(page.get_by_role("status").filter(has_text=f"{STARTER} has answered.")).to_be_attached()
    axe(page)
    shot(page, "playground-answer")


def test_stop_ends_it_on_the_server(page: Page, node: Node) -> None:
    choose(page, SLOW_PARROT)
    ask(page, "one two three four five six seven eight nine ten " * 20)
    expect(answers(page)).to_contain_text("three")
    wait_until(lambda: active(node) == 1)
    page.get_by_role("button", name="Stop").click()
    wait_until(lambda: active(node) == 0)
    expect(answers(page)).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_chats_stay_in_this_browser(page: Page) -> None:
    choose(page, PARROT)
    ask(page, "sheep in the morning")
    expect(answers(page)).to_contain_text("sheep in the morning")
    page.get_by_role("textbox", name="Message").fill("not sent yet")
    page.reload()
    expect(answers(page)).to_contain_text("sheep in the morning")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("not sent yet")
    page.get_by_role("button", name="New chat").first.click()
    expect(page.get_by_role("heading", name="Try a model")).to_be_visible()
    ask(page, "dogs at noon")
    expect(answers(page)).to_contain_text("dogs at noon")
    chats = page.get_by_role("region", name="Chats")
    expect(chats.get_by_role("listitem")).to_have_count(2)
    chats.get_by_role("searchbox").fill("sheep")
    expect(chats.get_by_role("listitem")).to_have_count(1)
    chats.get_by_role("button", name="Actions for “sheep in the morning”").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("About sheep")
    page.get_by_role("button", name="Save").click()
    chats.get_by_role("button", name="Actions for “About sheep”").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    chats.get_by_role("searchbox").fill("")
    expect(chats.get_by_role("listitem")).to_have_count(1)
    expect(chats.get_by_role("listitem")).to_contain_text("dogs at noon")


def test_edit_answer_again_export_import(page: Page, tmp_path: Path) -> None:
    page.goto(f"/playground?model={PARROT}")
    ask(page, "first words")
    expect(answers(page)).to_contain_text("first words")
    page.get_by_role("button", name="Edit and send again").click()
    page.get_by_role("textbox", name="Edit the message").fill("kept in a file")
    page.get_by_role("textbox", name="Edit the message").press("Enter")
    expect(answers(page)).to_contain_text("kept in a file")
    page.get_by_role("button", name="Answer again").click()
    expect(answers(page)).to_have_count(1)
    expect(answers(page)).to_contain_text("kept in a file")
    page.get_by_role("button", name="Export, import, delete").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export all chats").click()
    download.value.save_as(tmp_path / "chats.json")
    assert json.loads((tmp_path / "chats.json").read_text())["chats"][0]["title"] == "kept in a file"
    page.locator("input[accept*=json]").set_input_files(tmp_path / "chats.json")
    chats = page.get_by_role("region", name="Chats")
    expect(chats.get_by_role("listitem")).to_have_count(2)


def test_json_by_a_schema(page: Page) -> None:
    choose(page, STARTER)
    page.get_by_role("button", name="Settings of the chat").click()
    panel = page.get_by_role("complementary", name="Settings")
    panel.get_by_label("Format of answers").select_option("schema")
    panel.get_by_label("JSON Schema").fill('{"type": "objekt"}')
    expect(panel.get_by_text("“objekt” doesn't exist")).to_be_visible()
    schema = {"type": "object", "properties": {"legs": {"type": "integer"}}, "required": ["legs"]}
    panel.get_by_label("JSON Schema").fill(json.dumps({**schema, "additionalProperties": False}))
    panel.get_by_label("Most tokens").fill("60")
    panel.get_by_label("Temperature").fill("0")
    ask(page, "How many legs has a sheep?")
    expect(answers(page).get_by_text("Valid JSON")).to_be_visible(timeout=60_000)
    assert isinstance(json.loads(answers(page).locator("code").inner_text())["legs"], int)


def test_a_call_of_a_function(page: Page, node: Node) -> None:
    plan = Plan(tool_call=("get_weather", '{"city": "Ghent"}'))
    with in_background(openai_server(plan=plan)) as upstream, served_elsewhere(node, upstream):
        choose(page, "fake-model")
        page.get_by_role("button", name="Settings of the chat").click()
        panel = page.get_by_role("complementary", name="Settings")
        panel.get_by_role("switch", name="Offer functions to the model").click()
        panel.get_by_role("button", name="Insert an example").click()
        ask(page, "How is the weather in Ghent?")
        expect(answers(page)).to_contain_text("Wants to call get_weather")
        expect(answers(page)).to_contain_text('"city": "Ghent"')
        upstream.plan = Plan()
        answers(page).get_by_role("textbox", name="Result").fill('{"sky": "blue"}')
        answers(page).get_by_role("button", name="Go on with the results").click()
        expect(answers(page).last).to_contain_text("Hello, world!")
        asked = upstream.inferences[-1].json
    assert asked["tools"][0]["function"]["name"] == "get_weather"
    assert [each["role"] for each in asked["messages"]] == ["user", "assistant", "tool"]
    assert asked["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": '{"sky": "blue"}'}


def test_another_key(page: Page, watch: PageWatch) -> None:
    watch.expect_status(401)
    choose(page, PARROT)
    page.get_by_role("button", name="Settings of the chat").click()
    key = page.get_by_role("complementary", name="Settings").get_by_label("Another API key")
    key.fill("sk_" + "x" * 32)
    ask(page, "with a key")
    expect(answers(page).get_by_role("alert")).to_contain_text("this API key is not known here")
    key.fill(API_KEY)
    answers(page).get_by_role("button", name="Try again").click()
    expect(answers(page)).to_contain_text("with a key")


def test_an_unknown_model(page: Page, watch: PageWatch) -> None:
    watch.expect_status(404)
    choose(page, "no-such-model")
    ask(page, "Anybody there?")
    failure = answers(page).get_by_role("alert")
    expect(failure).to_contain_text("there is no model 'no-such-model'")
    choose(page, PARROT)
    failure.get_by_role("button", name="Try again").click()
    expect(answers(page)).to_contain_text("Anybody there?")


def test_code_that_runs(page: Page, node: Node) -> None:
    choose(page, PARROT)
    ask(page, 'it\'s $HOME and "quotes" \\ `here`')
    expect(page.get_by_role("button", name="Answer again")).to_be_visible()
    page.locator("article.question").get_by_role("button", name="Copy as code").click()
    dialog = page.get_by_role("dialog", name="Ask the same elsewhere")
    environment = {**os.environ, "CORRAL_API_KEY": API_KEY}
    dialog.get_by_role("button", name="Copy").click()
    command = page.evaluate("() => navigator.clipboard.readText()")
    said = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    words = [json.loads(line[6:]) for line in said.stdout.splitlines() if line.startswith("data: {")]
    assert "".join(text_of(each) for each in words) == 'it\'s $HOME and "quotes" \\ `here`'
    dialog.get_by_role("tab", name="Python").click()
    dialog.get_by_role("button", name="Copy").click()
    program = page.evaluate("() => navigator.clipboard.readText()")
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == 'it\'s $HOME and "quotes" \\ `here`\n'


def text_of(chunk: dict[str, Any]) -> str:
    return "".join(each["delta"].get("content") or "" for each in chunk["choices"])


def test_a_viewer_asks_without_a_key(visits: Visits, node: Node) -> None:
    page = visits.begin(VIEWER)
    page.goto("/playground")
    choose(page, PARROT)
    ask(page, "asked by a viewer")
    expect(answers(page)).to_contain_text("asked by a viewer")
    with node.client() as http:

        def recorded() -> list[dict[str, Any]]:
            found = http.get("/v0/dashboard/request-responses", params={"q": "asked by a viewer"}).json()
            return list(found["requests"])

        wait_until(lambda: bool(recorded()))
        assert VIEWER.username in json.dumps(recorded()[0])

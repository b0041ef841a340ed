"""The page Endpoints: servers elsewhere, runtimes, aliases and cloud providers."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.fakes.cloud_server import KEY
from tests.fakes.cloud_server import running as cloud_server
from tests.fakes.openai_cloud_server import OpenAICloud
from tests.fakes.openai_server import openai_server
from tests.page.background import in_background
from tests.page.conftest import Shot
from tests.page.rows import asked, choose, row_of
from tests.page.watch import PageWatch

PATH = "/dashboard/endpoints"
MODEL = "meadow-7b"
SECRET = "the-sheep-know"


def test_an_endpoint_from_the_test_of_its_connection_to_its_end(
    page: Page, node: Node, watch: PageWatch, shot: Shot
) -> None:
    watch.expect_status(400)
    with in_background(openai_server(models=[MODEL], key=SECRET)) as server:
        page.goto(PATH)
        page.get_by_role("button", name="New endpoint").first.click()
        dialog = page.get_by_role("dialog", name="New endpoint")
        dialog.get_by_role("button", name="Add endpoint").click()
        expect(dialog.get_by_text("Say where the server is.")).to_be_visible()
        dialog.get_by_label("URL").fill(server.base_url)
        dialog.get_by_role("button", name="Test the connection").click()
        expect(dialog.get_by_text("refused the API key")).to_be_visible()
        dialog.get_by_label("API key").fill(SECRET)
        dialog.get_by_role("button", name="Test the connection").click()
        expect(dialog.get_by_text("OpenAI-compatible answers")).to_be_visible()
        expect(dialog.get_by_text(MODEL)).to_be_visible()
        dialog.get_by_label("Name").fill("Barn")
        shot(page, "endpoints-new", full_page=False)
        dialog.get_by_role("button", name="Add endpoint").click()
        expect(dialog).to_be_hidden()
        row = row_of(page, "Barn")
        expect(row).to_contain_text("Online")
        expect(row).to_contain_text(server.base_url)
        choose(page, "Barn", "Test")
        expect(page.get_by_text("Barn answers in")).to_be_visible()
        server.models.append("pasture-70b")
        choose(page, "Barn", "Read its models anew")
        expect(page.get_by_text("Barn has 2 models (1 new).")).to_be_visible()
        assert asked(node, "pasture-70b") == "Hello, world!"
        choose(page, "Barn", "Edit")
        dialog = page.get_by_role("dialog", name="Edit Barn")
        expect(dialog.get_by_label("API key")).to_have_value("")
        dialog.get_by_text("More settings").click()
        dialog.get_by_label("Weight").fill("0")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_text("greater than 0")).to_be_visible()
        dialog.get_by_label("Weight").fill("2")
        dialog.get_by_label("Name").fill("Big barn")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        row_of(page, "Big barn").get_by_role("button", name="Big barn").first.click()
        drawer = page.get_by_role("dialog", name="Big barn")
        expect(drawer.get_by_text("pasture-70b", exact=True)).to_be_visible()
        expect(drawer.get_by_text("kept, encrypted")).to_be_visible()
        shot(page, "endpoints-details", full_page=False)
        assert SECRET not in page.content()
        drawer.get_by_role("button", name="Delete").click()
        asks = page.get_by_role("dialog", name="Delete Big barn?")
        asks.get_by_role("button", name="Delete endpoint").click()
        expect(asks).to_be_hidden()
        expect(row_of(page, "Big barn")).to_have_count(0)


def test_a_server_that_fails_says_why_and_since_when(page: Page, axe: Callable[..., None]) -> None:
    page.goto(f"{PATH}?tab=servers")
    page.get_by_role("button", name="New endpoint").first.click()
    dialog = page.get_by_role("dialog", name="New endpoint")
    dialog.get_by_label("URL").fill("127.0.0.1:9")
    dialog.get_by_role("button", name="Add endpoint").click()
    expect(dialog.get_by_text("'127.0.0.1:9' can't be reached")).to_be_visible()
    axe(page)
    dialog.get_by_role("button", name="Add anyway").click()
    expect(dialog).to_be_hidden()
    row = row_of(page, "127.0.0.1:9")
    expect(row).to_contain_text(re.compile("Failing|Offline"))
    expect(row).to_contain_text("can't be reached")
    page.get_by_label("State", exact=True).select_option(label="Online")
    expect(row).to_have_count(0)
    page.get_by_label("State", exact=True).select_option(label="All states")
    page.get_by_label("Search names and addresses").fill("nobody is called so")
    page.get_by_role("button", name="Clear the filters").click()
    row.get_by_role("button", name="127.0.0.1:9").first.click()
    drawer = page.get_by_role("dialog", name="127.0.0.1:9")
    expect(drawer.get_by_text("Failing since")).to_be_visible()
    axe(page)
    drawer.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete endpoint").click()
    expect(row).to_have_count(0)


def test_a_runtime_that_registered_by_http(page: Page, node: Node, axe: Callable[..., None]) -> None:
    with in_background(openai_server(models=[MODEL])) as server, node.client() as http:
        key = http.post("/v0/api-keys", json={"name": "runtime", "scopes": ["runtime"]}).json()
        body = {
            "machine_name": "shed",
            "ip_address": "127.0.0.1",
            "runtime_version": "1.0",
            "runtime_port": server.port - 1,
            "gpu_available": False,
            "gpu_devices": [],
        }
        headers = {"authorization": f"Bearer {key['key']}"}
        http.post("/v0/runtimes", json=body, headers=headers).raise_for_status()
        page.goto(PATH)
        row = row_of(page, "shed")
        expect(row).to_contain_text("Runtime")
        row.get_by_role("button", name="shed").first.click()
        drawer = page.get_by_role("dialog", name="shed")
        expect(drawer.get_by_text("A program that registered itself")).to_be_visible()
        axe(page)
        drawer.get_by_role("button", name="Disconnect").click()
        asks = page.get_by_role("dialog", name="Disconnect shed?")
        asks.get_by_role("button", name="Disconnect").click()
        expect(row).to_contain_text("Offline")
        drawer.get_by_role("button", name="Remove").click()
        page.get_by_role("button", name="Remove runtime").click()
        expect(row).to_have_count(0)
        http.delete(f"/v0/api-keys/{key['id']}").raise_for_status()


def test_an_alias_comes_answers_changes_and_goes(page: Page, node: Node, shot: Shot) -> None:
    page.goto(f"{PATH}?tab=aliases")
    page.get_by_role("button", name="New alias").first.click()
    dialog = page.get_by_role("dialog", name="New alias")
    dialog.get_by_role("button", name="Add alias").click()
    expect(dialog.get_by_text("Give it a name.")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("bird")
    dialog.get_by_label("Stands for").fill("nobody-has-this")
    expect(dialog.get_by_text("Nobody has nobody-has-this now.")).to_be_visible()
    dialog.get_by_role("button", name="parrot", exact=True).click()
    dialog.get_by_role("button", name="Add alias").click()
    expect(dialog).to_be_hidden()
    expect(row_of(page, "bird")).to_contain_text("nobody-has-this")
    assert asked(node, "bird")
    shot(page, "endpoints-aliases")
    page.get_by_role("button", name="Edit bird").click()
    dialog = page.get_by_role("dialog", name="Edit bird")
    dialog.get_by_label("Stands for").fill("parrot")
    dialog.get_by_role("button", name="Save").click()
    expect(row_of(page, "bird")).not_to_contain_text("nobody-has-this")
    page.get_by_role("button", name="Delete bird").click()
    page.get_by_role("button", name="Delete alias").click()
    expect(page.get_by_text("No aliases yet")).to_be_visible()


def test_a_cloud_key_is_set_used_and_removed(page: Page, node: Node, watch: PageWatch, shot: Shot) -> None:
    watch.expect_status(400)
    with in_background(cloud_server(OpenAICloud())) as server:
        page.goto(f"{PATH}?tab=cloud")
        card = page.locator("section").filter(has=page.get_by_role("heading", name="OpenAI"))
        expect(card).to_contain_text("No key")
        card.get_by_role("button", name="Set key").click()
        dialog = page.get_by_role("dialog", name="Key for OpenAI")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_text("Give a key or an address.")).to_be_visible()
        dialog.get_by_label("API key").fill(KEY)
        dialog.get_by_label("Address").fill("not an address")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_text("is an address like")).to_be_visible()
        dialog.get_by_label("Address").fill(server.url)
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_text("OpenAI: the key works.")).to_be_visible()
        expect(card).to_contain_text("Key set")
        assert KEY not in page.content()
        shot(page, "endpoints-cloud")
        card.get_by_role("link", name="Show its models").click()
        expect(page.get_by_role("row").filter(has_text="openai:gpt-a")).to_be_visible()
        assert asked(node, "openai:gpt-a")
        page.goto(f"{PATH}?tab=cloud")
        card.get_by_role("button", name="Remove key").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove key").click()
        expect(card).to_contain_text("No key")

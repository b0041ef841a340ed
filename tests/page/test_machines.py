"""Machines: a second one is let in from the page, shown, preferred, made the router, and removed again."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.page.conftest import ADMIN, Shot
from tests.page.visits import PHONE, Visits
from tests.page.watch import PageWatch

Axe = Callable[..., None]
PASSWORD = {"CORRAL_ADMIN_PASSWORD": ADMIN.password}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes that know nothing of each other yet."""
    folder = tmp_path_factory.mktemp("pair")
    nodes = [
        Node(folder / name, models=models_folder, settings={**PASSWORD, "CORRAL_NODE_NAME": name})
        for name in ("meadow", "barn")
    ]
    try:
        for each in nodes:
            each.wait_until_ready()
        yield nodes[0], nodes[1]
    finally:
        for each in nodes:
            each.stop()


@pytest.fixture
def router_page(visits: Visits, pair: tuple[Node, Node]) -> Page:
    return visits.begin(ADMIN, node=pair[0])


def ask_to_join(newcomer: Node, at: Node) -> None:
    with newcomer.client() as http:
        body = {"host": f"127.0.0.1:{at.port}"}
        http.post("/v0/cluster/local/join", json=body).raise_for_status()


def test_one_machine(page: Page, node: Node, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard/machines")
    with node.client() as http:
        name = http.get("/v0/system").json()["node"]
    row = page.get_by_role("row", name=re.compile(re.escape(name)))
    for words in ("Router", "This machine", "Online"):
        expect(row).to_contain_text(words)
    axe(page)
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    about = page.locator("dl")
    expect(about).to_contain_text("Processor cores")
    with node.client() as http:
        (runtime,) = http.get("/v0/dashboard/runtimes").json()["runtimes"]
    expect(about).to_contain_text(str(runtime["hardware"]["cores"]))
    expect(page.get_by_role("region", name=f"The last entries of the log of {name}")).to_contain_text("ready")
    expect(page.get_by_role("img", name=re.compile("^Processor, memory"))).to_be_visible()
    axe(page)
    shot(page, "machine")
    page.get_by_role("link", name="Rename", exact=True).click()
    expect(page.get_by_text("What this machine is called.")).to_be_visible()
    expect(page.get_by_text("HTTP port for clients.")).to_have_count(0)


def test_ways_to_add_a_machine(page: Page, node: Node, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard/machines")
    page.get_by_role("button", name="Add a machine").click()
    dialog = page.get_by_role("dialog", name="Add a machine")
    expect(dialog).to_contain_text("Waiting for a machine to ask")
    axe(page)
    shot(page, "machines-add", full_page=False)
    dialog.get_by_role("tab", name="With a code").click()
    dialog.get_by_role("button", name="Show a code").click()
    expect(dialog.locator("p.code code")).to_have_text(re.compile(r"^[0-9 ]{6,7}$"))
    dialog.get_by_role("tab", name="With an invite token").click()
    dialog.get_by_label("For how many machines").fill("2")
    dialog.get_by_role("button", name="Make a token").click()
    token = dialog.get_by_role("region", name="The new invite token")
    expect(token).not_to_be_empty()
    expect(dialog).to_contain_text("2 of 2 left")
    dialog.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog", name="Revoke this token?").get_by_role("button", name="Revoke").click()
    expect(dialog).to_contain_text("None.")
    with node.client() as http:
        assert [each["state"] for each in http.get("/v0/cluster/invites").json()["invites"]] == ["revoked"]


def test_the_cluster_gets_another_name(page: Page, node: Node, watch: PageWatch) -> None:
    with node.client() as http:
        before = http.get("/v0/cluster").json()["name"]
    page.goto("/dashboard/machines")
    page.get_by_role("button", name="Rename the cluster").click()
    dialog = page.get_by_role("dialog")
    page_name = dialog.get_by_label("New name")
    expect(page_name).to_have_value(before)
    page_name.fill("not a name")
    watch.expect_status(400)
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_label("New name")).to_have_value("not a name")
    expect(dialog).to_contain_text("name")
    page_name.fill("pasture")
    dialog.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("The cluster is called pasture now.")).to_be_visible()
    with node.client() as http:
        assert http.get("/v0/cluster").json()["name"] == "pasture"
        http.put("/v0/cluster", json={"name": before}).raise_for_status()


def test_a_second_machine_comes_and_goes(
    visits: Visits, watch: PageWatch, pair: tuple[Node, Node], router_page: Page, axe: Axe, shot: Shot
) -> None:
    meadow, barn = pair
    page = router_page
    page.goto("/dashboard")
    expect(page.get_by_role("link", name=re.compile("^meadow, Router"))).to_be_visible()
    ask_to_join(barn, meadow)

    newcomer = page.get_by_role("region", name="A machine wants to join")
    expect(newcomer).to_contain_text("barn")
    code = newcomer.locator("code").inner_text()
    other = visits.begin(ADMIN, node=barn)
    other.goto("/dashboard")
    expect(other.get_by_role("status").filter(has_text="This machine asks to join")).to_contain_text(code)
    other.close()
    axe(page)
    shot(page, "overview-newcomer")
    newcomer.get_by_role("button", name="Approve barn").click()
    follower = page.get_by_role("link", name=re.compile("^barn, Online"))
    expect(follower).to_be_visible(timeout=30_000)
    expect(newcomer).to_have_count(0)
    shot(page, "overview-two-machines")

    follower.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("barn")
    rename = page.get_by_role("link", name="Rename", exact=True)
    expect(rename).to_have_attribute(
        "href", re.compile(rf"^http://127\.0\.0\.1:{barn.port}/dashboard/settings\?q=node_name$")
    )
    pause_and_resume(page, meadow, "barn")
    choose(page, "Prefer this machine")
    with meadow.client() as http:
        nodes = {each["name"]: each for each in http.get("/v0/cluster").json()["nodes"]}
    assert nodes["barn"]["router_choice"] == "prefer"
    make_router(page)
    axe(page)
    shot(page, "machine-second")

    page.goto("/dashboard/machines")
    expect(page.get_by_role("row", name=re.compile("^barn"))).to_contain_text("Router")
    phone = visits.begin(ADMIN, node=meadow, size=PHONE, scheme="dark")
    phone.goto("/dashboard/machines")
    expect(phone.get_by_text("barn")).to_be_visible()
    shot(phone, "machines-phone")
    phone.close()

    page.get_by_role("row", name=re.compile("^meadow")).get_by_role("link").first.click()
    make_router(page)
    page.goto("/dashboard/machines")
    page.get_by_role("row", name=re.compile("^barn")).get_by_role("link").first.click()
    page.get_by_role("button", name="Remove from the cluster").click()
    dialog = page.get_by_role("dialog", name="Remove barn?")
    expect(dialog).to_contain_text("everybody is signed out")
    watch.expect_status(401)
    dialog.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible(timeout=30_000)
    with meadow.client() as http:
        assert [each["name"] for each in http.get("/v0/cluster").json()["nodes"]] == ["meadow"]


def pause_and_resume(page: Page, router: Node, name: str) -> None:
    page.get_by_role("button", name="Pause sharing").click()
    dialog = page.get_by_role("dialog", name=f"Pause {name}?")
    expect(dialog).to_contain_text("send it nothing new")
    dialog.get_by_role("button", name="Pause sharing").click()
    expect(page.get_by_text(f"The other machines send {name} nothing new.")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Takes no new work")
    with router.client() as http:
        runtimes = http.get("/v0/dashboard/runtimes").json()["runtimes"]
    assert {each["name"]: each["status"] for each in runtimes}[name] == "draining"
    page.get_by_role("button", name="Resume sharing").click()
    expect(page.get_by_text(f"{name} works for the others again.")).to_be_visible()
    expect(page.get_by_role("button", name="Pause sharing")).to_be_visible()


def make_router(page: Page) -> None:
    page.get_by_role("button", name="Make it the router").click()
    page.get_by_role("dialog").get_by_role("button", name="Hand over").click()
    expect(page.get_by_role("button", name="Hand over to the best machine")).to_be_visible(timeout=30_000)


def choose(page: Page, label: str) -> None:
    with page.expect_response(re.compile("/v0/cluster/nodes/")) as answer:
        page.get_by_label("Should it be the router?").select_option(label=label)
    assert answer.value.status == 200

"""The page Settings: what is in force and whence, changes of the machine, of the cluster, of the browser."""

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.node import START_DEADLINE_S, Node
from tests.page.conftest import Shot
from tests.page.watch import PageWatch

Axe = Callable[[Page], None]
SECRET = "hf_onlythewolfknowsthis"


@pytest.fixture
def untouched(node: Node) -> Iterator[None]:
    """The node's config.toml is afterwards what it was before, and the cluster sets nothing."""
    file = node.home / "config.toml"
    before = file.read_text() if file.exists() else ""
    yield
    file.write_text(before)
    with node.client() as http:
        for name in ("continue_streams", "queue_max"):
            http.put(f"/v0/cluster/settings/{name}", json={"value": None}).raise_for_status()


def setting(page: Page, name: str) -> Locator:
    return page.locator(f'[data-setting="{name}"]')


def edit(page: Page, name: str) -> Locator:
    """The field for it."""
    setting(page, name).get_by_role("button", name="Change").click()
    return setting(page, name).locator("input, select, textarea")


def save(page: Page, name: str) -> None:
    setting(page, name).get_by_role("button", name="Save").click()


@pytest.mark.usefixtures("untouched")
def test_a_machine_s_setting_is_changed_and_waits_for_a_restart(
    page: Page, node: Node, watch: PageWatch, axe: Axe, shot: Shot
) -> None:
    watch.expect_status(400)
    page.goto("/dashboard/settings")
    idle = setting(page, "model_idle_timeout_s")
    expect(idle).to_contain_text("15 min")
    expect(setting(page, "port")).to_contain_text("Set by the environment variable CORRAL_PORT")
    expect(setting(page, "admin_password")).to_contain_text("set")
    field = edit(page, "model_idle_timeout_s")
    expect(field).to_be_focused()
    field.fill("a while")
    save(page, "model_idle_timeout_s")
    expect(idle.get_by_role("alert")).to_contain_text("must be a number of seconds above 0")
    expect(field).to_have_value("a while")
    axe(page)
    shot(page, "settings-refused", full_page=False)
    field.fill("600")
    save(page, "model_idle_timeout_s")
    expect(idle).to_contain_text("After a restart: 10 min")
    expect(page.get_by_role("status").filter(has_text="waits for a restart")).to_be_visible()
    assert (node.home / "config.toml").read_text() == "model_idle_timeout_s = 600.0\n"
    page.reload()
    expect(idle).to_contain_text("After a restart: 10 min")

    edit(page, "model_idle_timeout_s").fill("")
    save(page, "model_idle_timeout_s")
    expect(idle).to_contain_text("After a restart: no limit")
    edit(page, "model_idle_timeout_s")
    idle.get_by_role("button", name="Back to the default").click()
    expect(idle).not_to_contain_text("After a restart")
    assert (node.home / "config.toml").read_text() == ""


@pytest.mark.usefixtures("untouched")
def test_lists_choices_switches_and_secrets(page: Page, node: Node) -> None:
    page.goto("/dashboard/settings")
    edit(page, "cors_origins").fill("https://one.example\n\n https://two.example ")
    save(page, "cors_origins")
    expect(setting(page, "cors_origins")).to_contain_text("https://one.example, https://two.example")
    edit(page, "log_level").select_option("warning")
    save(page, "log_level")
    expect(setting(page, "log_level")).to_contain_text("After a restart: warning")
    setting(page, "metrics").get_by_role("switch").click()
    expect(setting(page, "metrics")).to_contain_text("After a restart: Off")
    edit(page, "hf_token").fill(SECRET)
    save(page, "hf_token")
    expect(setting(page, "hf_token")).to_contain_text("A restart takes up the new value")
    expect(page.get_by_role("status").filter(has_text="4 changes wait")).to_be_visible()
    page.reload()
    expect(setting(page, "hf_token")).to_contain_text("A restart takes up the new value")
    expect(edit(page, "hf_token")).to_have_value("")
    assert SECRET not in page.content()
    assert SECRET in (node.home / "config.toml").read_text()
    page.get_by_label("Only what differs from the default").check()
    expect(setting(page, "keep_alive_s")).to_have_count(0)
    expect(setting(page, "metrics")).to_be_visible()


@pytest.mark.usefixtures("untouched")
def test_what_counts_for_the_cluster_counts_at_once(page: Page, node: Node, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard/settings")
    page.get_by_label("Search settings").fill("slot waiting")
    expect(page.get_by_text("No setting fits")).to_be_visible()
    page.get_by_role("tab", name="Whole cluster 1").click()
    expect(setting(page, "queue_timeout_secs")).to_have_count(0)
    edit(page, "queue_max").fill("99")
    save(page, "queue_max")
    expect(setting(page, "queue_max").get_by_text("99", exact=True)).to_be_visible()
    expect(setting(page, "queue_max")).to_contain_text("cluster")
    page.get_by_label("Search settings").fill("")
    streams = setting(page, "continue_streams")
    streams.get_by_role("switch").click()
    expect(streams.get_by_role("switch")).not_to_be_checked()
    axe(page)
    shot(page, "settings-cluster")
    page.reload()
    expect(streams).to_contain_text("Off")
    with node.client() as http:
        listed = {each["name"]: each for each in http.get("/v0/cluster/settings").json()["settings"]}
    assert (listed["queue_max"]["value"], listed["continue_streams"]["value"]) == (99, False)
    streams.get_by_role("button", name="Reset Continue broken streams").click()
    expect(streams).to_contain_text("On")


@pytest.fixture
def restarted(node: Node, untouched: None) -> Iterator[None]:
    """The node, too, is afterwards as it was before."""
    yield
    (node.home / "config.toml").unlink()
    with node.client() as http:
        http.post("/v0/node/restart").raise_for_status()

        def waits() -> bool:
            try:
                return bool(http.get("/v0/settings").json()["restart_needed"])
            except (httpx.TransportError, KeyError):
                return True

        deadline = time.monotonic() + START_DEADLINE_S
        while waits():
            assert time.monotonic() < deadline, node.output()
            time.sleep(0.05)
    node.wait_until_ready()


@pytest.mark.usefixtures("restarted")
def test_a_restart_takes_changes_up_and_the_page_goes_on(page: Page, watch: PageWatch) -> None:
    watch.expect_status(503)
    watch.expect_error("net::ERR_")
    page.goto("/dashboard/settings")
    edit(page, "keep_alive_s").fill("7")
    save(page, "keep_alive_s")
    page.get_by_role("button", name="Restart now").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.get_by_text("is back, with the new settings.")).to_be_visible()
    expect(setting(page, "keep_alive_s")).to_contain_text("config.toml")
    expect(setting(page, "keep_alive_s")).not_to_contain_text("After a restart")


def test_a_file_that_can_t_be_used_is_told(page: Page, node: Node, watch: PageWatch) -> None:
    watch.expect_status(409)
    file = node.home / "config.toml"
    before = file.read_text() if file.exists() else ""
    file.write_text("port = \n")
    try:
        page.goto("/dashboard/settings")
        expect(page.get_by_role("alert")).to_contain_text("config.toml is not a TOML file")
        edit(page, "keep_alive_s").fill("3")
        save(page, "keep_alive_s")
        expect(setting(page, "keep_alive_s").get_by_role("alert")).to_contain_text("edit the file by hand")
        assert file.read_text() == "port = \n"
    finally:
        file.write_text(before)


def test_the_browser_keeps_how_the_dashboard_looks(page: Page, axe: Axe) -> None:
    page.goto("/dashboard/settings?tab=browser")
    page.get_by_role("combobox", name="Colours").select_option("dark")
    page.get_by_role("combobox", name="Density").select_option("compact")
    page.get_by_role("combobox", name="Times").select_option("12")
    page.reload()
    expect(page.locator("html[data-theme=dark][data-density=compact]")).to_have_count(1)
    axe(page)
    page.goto("/dashboard/access?tab=password")
    expect(page.get_by_text(re.compile(r"^ends in .* [ap]m\)"))).to_be_visible()

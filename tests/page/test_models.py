"""The page Models: loaded, downloaded from a hub, deleted, chatted with."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.engines.echo_files import write_echo
from tests.fakes.hub_server import HubServer, hub_server
from tests.fakes.openai_server import openai_server
from tests.models.synth_gguf import write_llama
from tests.page.background import in_background
from tests.page.chats import wait_until
from tests.page.conftest import ADMIN, STARTER, Shot
from tests.page.farm import running_farm
from tests.page.rows import asked, choose, row_of
from tests.page.visits import Visits
from tests.page.watch import PageWatch

PATH = "/dashboard/models"
REPO = "Pasture/Sheep-GGUF"
NAME = "pasture/sheep-gguf"
_DEADLINE_S = 60.0
_POLL_S = 0.1
_MIB = 1024 * 1024
_BYTES_PER_S = 2 * _MIB


class Enormous:
    """A file that only says how large it is."""

    size_bytes = 10**15
    sha256 = "e" * 64

    def read(self, start: int, end: int) -> bytes:
        return bytes(end - start)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """One repository with two quantisations of some megabytes."""
    with in_background(hub_server()) as server:
        for number, label in enumerate(("Q4_K_M", "Q8_0")):
            path = tmp_path_factory.mktemp("hub") / f"sheep-{label}.gguf"
            write_llama(path)
            filling = Random(number).randbytes(3 * _MIB * (number + 1))
            server.put(REPO, path.name, path.read_bytes() + filling)
        yield server


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, starter_model: Path, hub: HubServer) -> Iterator[Node]:
    """A node of this module's own, whose models come and go. Downloads are slow enough to be seen."""
    folder = tmp_path_factory.mktemp("models-page")
    models = folder / "models"
    models.mkdir()
    (models / starter_model.name).symlink_to(starter_model)
    write_echo(models, "parrot")
    write_echo(models, "owl", load_seconds=600.0)
    write_echo(models, "moth", load_error="its wings are wet")
    settings = {
        "CORRAL_ADMIN_PASSWORD": ADMIN.password,
        "CORRAL_NODE_NAME": "meadow",
        "CORRAL_HF_BASE_URL": hub.url,
        "CORRAL_DOWNLOAD_MAX_BYTES_PER_S": str(_BYTES_PER_S),
    }
    running = Node(folder / "data", models=models, settings=settings)
    try:
        running.wait_until_ready()
        _until_it_knows_itself(running)
        yield running
    finally:
        running.stop()


def _until_it_knows_itself(node: Node) -> None:
    """How much memory there is it reads when it has begun."""
    deadline = time.monotonic() + _DEADLINE_S
    with node.client() as http:
        while not http.get("/v0/dashboard/runtimes").json()["runtimes"][0]["hardware"]:
            assert time.monotonic() < deadline, node.output()
            time.sleep(_POLL_S)


@pytest.fixture
def models_page(visits: Visits, farm: Node) -> Page:
    page = visits.begin(ADMIN, node=farm)
    page.goto(PATH)
    return page


def test_the_starter_model_is_loaded_chatted_with_and_unloaded(models_page: Page, farm: Node) -> None:
    row = row_of(models_page, STARTER)
    expect(row).to_contain_text("On disk")
    expect(row).to_contain_text("meadow")
    row.get_by_role("button", name="Load").click()
    expect(row).to_contain_text("Loaded")
    assert asked(farm, STARTER)
    expect(row.get_by_role("link", name="Chat with")).to_have_attribute(
        "href", f"/playground?model={STARTER}"
    )
    row.get_by_role("button", name=STARTER).first.click()
    drawer = models_page.get_by_role("dialog", name=STARTER)
    expect(drawer.get_by_text("tokens of context")).to_be_visible()
    drawer.get_by_role("button", name="Unload from meadow").click()
    expect(drawer.get_by_role("button", name="Load on meadow")).to_be_visible()
    drawer.get_by_role("button", name="Close").click()
    expect(row).to_contain_text("On disk")


def test_loading_shows_how_far_it_is_and_can_be_stopped(models_page: Page, shot: Shot) -> None:
    row = row_of(models_page, "owl")
    choose(models_page, "owl", "Load on meadow")
    expect(row.get_by_role("progressbar", name="Loading")).to_be_visible()
    expect(models_page.get_by_text("owl is loading on meadow.")).to_be_visible()
    shot(models_page, "models-loading")
    row.get_by_role("button", name="Stop loading").click()
    expect(row).to_contain_text("On disk")


def test_a_model_that_can_not_be_loaded_says_why(models_page: Page, watch: PageWatch) -> None:
    watch.expect_status(503)
    row = row_of(models_page, "moth")
    row.get_by_role("button", name="Load").click()
    expect(models_page.get_by_role("status").get_by_text("its wings are wet")).to_be_visible()
    expect(row).to_contain_text("its wings are wet")


def test_a_model_of_the_hub_from_its_choice_to_its_end(
    models_page: Page, hub: HubServer, farm: Node, watch: PageWatch, shot: Shot, axe: Callable[..., None]
) -> None:
    watch.expect_status(400)
    page = models_page
    page.get_by_role("button", name="Add a model").first.click()
    dialog = page.get_by_role("dialog", name="Add a model")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("Say which repository.")).to_be_visible()
    dialog.get_by_label("Repository or URL").fill("Pasture/Goats")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_label("Repository or URL")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Repository or URL").fill(REPO)
    dialog.get_by_label("Which file").select_option(label="The only one")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("Q8_0")).to_be_visible()  # the server names the files
    shot(page, "models-add", full_page=False)
    axe(page)
    dialog.get_by_label("Which file").select_option(label="Smallest")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()
    bar = page.get_by_role("progressbar", name=f"{NAME}:Q4_K_M to meadow")
    expect(bar).to_be_visible()
    shot(page, "models-downloading")
    row = row_of(page, NAME)
    expect(row).to_contain_text("On disk")
    expect(bar).to_have_count(0)
    row.get_by_role("button", name=NAME).first.click()
    drawer = page.get_by_role("dialog", name=NAME)
    expect(drawer.get_by_text(REPO, exact=True)).to_be_visible()
    expect(drawer.get_by_text("sheep-Q4_K_M.gguf")).to_be_visible()
    shot(page, "models-details", full_page=False)
    axe(page)
    drawer.get_by_role("button", name="Delete").click()
    asks = page.get_by_role("dialog", name=f"Delete {NAME}?")
    expect(asks.get_by_text("are removed from meadow.")).to_be_visible()
    asks.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_a_download_is_cancelled(models_page: Page) -> None:
    page = models_page
    page.get_by_role("button", name="Add a model").first.click()
    dialog = page.get_by_role("dialog", name="Add a model")
    dialog.get_by_label("Repository or URL").fill(f"{REPO}:Q8_0")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name=f"Cancel the download of {NAME}:Q8_0").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the download").click()
    row = row_of(page, NAME)
    expect(row).to_contain_text("On no machine yet")
    choose(page, NAME, "Delete …")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_filters(models_page: Page) -> None:
    rows = models_page.get_by_role("table", name="Models of the cluster").get_by_role("row")
    expect(row_of(models_page, "parrot")).to_be_visible()
    models_page.get_by_label("Search models and places").fill("PARR meadow")
    expect(rows).to_have_count(2)
    models_page.get_by_label("State").select_option(label="On disk")
    models_page.get_by_label("Search models and places").fill("no such model")
    models_page.get_by_role("button", name="Clear the filters").click()
    expect(row_of(models_page, "parrot")).to_be_visible()


def test_a_model_that_a_server_elsewhere_has_too(models_page: Page, farm: Node) -> None:
    with in_background(openai_server(models=["parrot"])) as server, farm.client() as http:
        body = {"name": "Big machine upstairs", "base_url": server.base_url}
        made = http.post("/v0/endpoints", json=body).json()["id"]
        row = row_of(models_page, "parrot")
        expect(row).to_contain_text("meadow, Big machine upstairs")
        expect(row).to_contain_text("Ready")
        http.delete(f"/v0/endpoints/{made}").raise_for_status()
        expect(row).to_contain_text("On disk")


def test_what_no_machine_has_the_memory_for(
    models_page: Page, hub: HubServer, axe: Callable[..., None]
) -> None:
    hub.repos["Pasture/Mammoth"] = {"mammoth.gguf": Enormous()}
    page = models_page
    page.get_by_role("button", name="Add a model").first.click()
    dialog = page.get_by_role("dialog", name="Add a model")
    dialog.get_by_label("Repository or URL").fill("Pasture/Mammoth")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("no machine has the memory for it")).to_be_visible()
    axe(page)
    row = row_of(page, "pasture/mammoth")
    expect(row).to_contain_text("On no machine yet")
    dialog.get_by_role("button", name="Leave it out").click()
    expect(row).to_have_count(0)
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.get_by_role("button", name="Keep it for first use").click()
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("On no machine yet")
    choose(page, "pasture/mammoth", "Delete …")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_another_machine_loads_and_fetches(
    visits: Visits, tmp_path: Path, shot: Shot, axe: Callable[..., None]
) -> None:
    folders = {name: tmp_path / f"{name}-models" for name in ("anna", "bert")}
    for folder in folders.values():
        folder.mkdir()
    write_llama(folders["anna"] / "gull-Q4_1.gguf")
    settings = {"CORRAL_ADMIN_PASSWORD": ADMIN.password}
    with running_farm(["anna", "bert"], tmp_path, models=tmp_path, own_models=folders, settings=settings) as (
        anna,
        _bert,
    ):
        sums = tmp_path / "anna" / "models.sums.json"
        wait_until(
            lambda: sums.exists() and "gull" in sums.read_text()
        )  # until then the page says: try again
        page = visits.begin(ADMIN, node=anna)
        page.goto(PATH)
        choose(page, "gull", "Copy to a machine …")
        dialog = page.get_by_role("dialog", name="Copy gull")
        axe(page)
        dialog.get_by_role("button", name="Copy", exact=True).click()
        expect(dialog).to_be_hidden()
        row = row_of(page, "gull")
        expect(row).to_contain_text("anna, bert")
        choose(page, "gull", "Load on bert")
        expect(row).to_contain_text("Loaded on 1 of 2")
        shot(page, "models-two-machines")
        row.get_by_role("button", name="gull").first.click()
        drawer = page.get_by_role("dialog", name="gull")
        drawer.get_by_role("button", name="Unload from bert").click()
        expect(drawer.get_by_role("button", name="Load on bert")).to_be_visible()
        drawer.get_by_role("button", name="Delete").click()
        asks = page.get_by_role("dialog", name="Delete gull?")
        asks.get_by_label("From where").select_option(label="bert")
        expect(asks.get_by_text("are removed from bert.")).to_be_visible()
        asks.get_by_role("button", name="Delete", exact=True).click()
        expect(row).not_to_contain_text("bert")
        expect(row).to_contain_text("anna")
        page.close()  # before the machines end

"""Models of a hub by commands: pulled, killed in the middle and gone on with, chatted with, removed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.node import Node
from tests.app.command_line import Commands
from tests.app.registry.downloading import gguf_bytes
from tests.app.registry.pulling import hub_in_thread
from tests.fakes.hub_server import HubServer
from tests.models.synth_gguf import write_llama

REPO, FILE, NAME = "Acme/Tiny-GGUF", "tiny-F32.gguf", "acme/tiny-gguf"
BIG = gguf_bytes(60_000_000)
PIECES = 4  # of 16 MiB
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[HubServer]:
    write_llama(folder / FILE)
    with hub_in_thread() as running:
        running.put(REPO, FILE, (folder / FILE).read_bytes())
        running.put("Acme/Big", "big-Q8_0.gguf", BIG)
        running.put("Acme/Many", "big-Q8_0.gguf", BIG[:30_000_000])
        running.put("Acme/Many", "big-Q4_0.gguf", gguf_bytes(2_000_000))
        yield running


@pytest.fixture(scope="module")
def node(folder: Path, hub: HubServer) -> Iterator[Node]:
    with running_node(folder, hub) as running:
        yield running


@contextmanager
def running_node(folder: Path, hub: HubServer, shared: Path | None = None) -> Iterator[Node]:
    """`shared` has the folder of models, else `folder`."""
    models = (shared or folder) / "models"
    running = Node(folder / "data", models=models, settings={"HF_BASE_URL": hub.url})
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def chat(node: Node, model: str) -> httpx.Response:
    body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "hi"}]}
    with node.client() as client:
        return client.post("/v1/chat/completions", json=body)


def test_a_model_is_pulled_answers_and_is_removed(folder: Path, node: Node) -> None:
    corral = Commands(node.home)
    assert f"{NAME}:F32 is on " in corral.done("pull", REPO)
    assert NAME in corral.done("list")
    answer = chat(node, NAME)
    assert (answer.status_code, answer.json()["model"]) == (200, NAME), answer.text
    assert "already" in corral.failed("pull", NAME)
    assert "several GGUF files" in corral.failed("pull", "Acme/Many")
    assert corral("rm", NAME, stdin="n\n").returncode == 1
    assert "nothing was removed" in corral("rm", NAME, stdin="n\n").stderr
    assert "are free again" in corral.done("rm", NAME, "--yes")
    assert not (folder / "models" / "acme").exists()
    assert "no model" in corral.failed("rm", NAME, "--yes")


def test_a_registered_model_comes_when_somebody_asks_for_it(node: Node) -> None:
    with node.client() as client:
        assert client.post("/v0/models/register", json={"repo": REPO}).status_code == 201
    answer = chat(node, NAME)
    assert answer.status_code == 200, answer.text


def test_a_node_that_is_killed_goes_on_with_a_download(tmp_path: Path, hub: HubServer) -> None:
    with running_node(tmp_path, hub) as node:
        held = HeldSteps(hub, after_bytes=55_000_000)
        Commands(node.home).done("pull", "Acme/Big", "--no-wait")
        wait_for(held.reached, "most of it to come")
        journal = next((tmp_path / "models").glob("acme/big/.pull-*")) / "journal"
        wait_for(lambda: journal.exists() and "+" in journal.read_text(), "a piece to be kept")
        node.kill()
        kept = journal.read_text().count("+")
        assert not list((tmp_path / "models").glob("acme/big/*.gguf"))
        held.let_go()
        hub.asked.clear()
        node.start_again()
        model = tmp_path / "models" / "acme" / "big" / "big-Q8_0.gguf"
        wait_for(model.exists, "the rest")
        assert model.read_bytes() == BIG
        ranges = {span for _, path, span, _ in hub.asked if path.startswith("/cdn/")}
        assert len(ranges) == PIECES - kept
        wait_for(lambda: not journal.parent.exists(), "nothing else to be left")


def test_ctrl_c_stops_a_download_and_says_how_to_go_on(folder: Path, hub: HubServer, node: Node) -> None:
    corral = Commands(node.home)
    held = HeldSteps(hub, after_bytes=20_000_000)
    words = [sys.executable, "-m", "corral.app.cli", "pull", "Acme/Many", "--policy", "quality"]
    with subprocess.Popen(
        words, env=corral.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        wait_for(held.reached, "bytes to come")
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=DEADLINE_S)
        assert (command.returncode, "the same command goes on with it" in said) == (1, True), said
    held.let_go()
    assert list((folder / "models").glob("acme/many/.pull-*/paused")) != []
    assert "is on " in corral.done("pull", "Acme/Many", "--policy", "quality")


class HeldSteps:
    """A hub that falls silent after so many bytes."""

    def __init__(self, hub: HubServer, *, after_bytes: int) -> None:
        self._hub = hub
        self._after_bytes = after_bytes
        hub.silent_after = hub.sent_bytes + after_bytes
        self._at = hub.silent_after

    def reached(self) -> bool:
        return self._hub.sent_bytes >= self._at

    def let_go(self) -> None:
        self._hub.silent_after = None


def test_two_nodes_with_one_folder_download_a_model_once(tmp_path: Path, hub: HubServer) -> None:
    hub.put("Acme/Shared", "shared-Q8_0.gguf", BIG[:30_000_000])
    (tmp_path / "other").mkdir()
    with running_node(tmp_path, hub) as first, running_node(tmp_path / "other", hub, tmp_path) as second:
        held = HeldSteps(hub, after_bytes=20_000_000)
        before = hub.sent_bytes
        for node in (first, second):
            Commands(node.home).done("pull", "Acme/Shared", "--no-wait")
        wait_for(held.reached, "most of it to come")
        wait_for(lambda: any("another program" in note for note in notes(first, second)), "one to wait")
        held.let_go()
        wait_for(lambda: states(first) == states(second) == ["done"], "both to have it")
        assert hub.sent_bytes - before == 30_000_000
    model = tmp_path / "models" / "acme" / "shared" / "shared-Q8_0.gguf"
    assert model.read_bytes() == BIG[:30_000_000]
    assert not list(model.parent.glob(".pull-*"))


def copies(node: Node) -> list[dict[str, str]]:
    with node.client() as client:
        found: list[dict[str, str]] = client.get("/v0/models/copies").json()["copies"]
        return found


def notes(*nodes: Node) -> list[str]:
    return [copy["note"] or "" for node in nodes for copy in copies(node)]


def states(node: Node) -> list[str]:
    return [copy["state"] for copy in copies(node)]

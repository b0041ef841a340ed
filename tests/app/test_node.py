"""The node as a process: starting, stopping, being killed, two side by side."""

import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import pytest

from tests.acceptance.node import API_KEY, START_DEADLINE_S, Node
from tests.engines.echo_files import write_echo

KEY_LINE = re.compile(r"API key +(sk_[A-Za-z0-9]{32})")
SLOW = 8.0  # words per second


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator["Nodes"]:
    with ExitStack() as stack:
        yield Nodes(tmp_path, stack)


class Nodes:
    """Starts nodes and stops them at the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.models = folder / "models"
        self.models.mkdir()
        write_echo(self.models)

    def start(self, name: str = "data", *, ready: bool = True, **settings: str) -> Node:
        node = Node(self._folder / name, models=self.models, settings=settings)
        self._stack.callback(node.stop)
        if ready:
            node.wait_until_ready()
        return node


def ask(node: Node, text: str, *, model: str = "parrot") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    with node.client() as client:
        answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


class Stream:
    """A streamed answer, read by a thread."""

    def __init__(self, node: Node, text: str, model: str) -> None:
        self._node = node
        self._body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}]}
        self._begun = threading.Event()
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def end(self) -> str:
        """All of it, once it has ended."""
        self._thread.join()
        return "\n".join(self.lines)

    def _read(self) -> None:
        try:
            with (
                self._node.client() as client,
                client.stream("POST", "/v1/chat/completions", json=self._body) as answer,
            ):
                for line in answer.iter_lines():
                    self.lines.append(line)
                    self._begun.set()
        except httpx.TransportError as error:
            self.lines.append(repr(error))
        finally:
            self._begun.set()


def test_the_first_start_shows_a_key_once_and_logs_it_nowhere(nodes: Nodes) -> None:
    node = nodes.start(CORRAL_BOOTSTRAP_API_KEY="")
    [key] = set(KEY_LINE.findall(node.output()))
    headers = {"authorization": f"Bearer {key}"}
    assert httpx.get(f"{node.url}/v1/models", headers=headers).status_code == 200
    assert node.output().count(key) == 2  # the line of the key, the line to copy
    logged = "".join(path.read_text() for path in (node.home / "logs").iterdir())
    assert "ready" in logged and key not in logged
    node.stop()
    shown = len(node.output())
    node.start_again()
    assert "$CORRAL_API_KEY" in node.output()[shown:] and "sk_" not in node.output()[shown:]
    assert httpx.get(f"{node.url}/v1/models", headers=headers).status_code == 200


def test_the_local_token_is_private_and_new_at_each_start(nodes: Nodes) -> None:
    node = nodes.start()
    path = node.home / "local.token"
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(node.home.stat().st_mode) == 0o700
    url = f"{node.url}/v0/node/models"
    assert httpx.get(url, headers={"x-api-key": first}).status_code == 200
    node.stop()
    assert not path.exists() and not (node.home / "node.json").exists()
    node.start_again()
    assert httpx.get(url, headers={"x-api-key": first}).status_code == 401


def test_a_given_key_that_comes_too_late_is_reported(nodes: Nodes) -> None:
    first = nodes.start()
    first.stop()
    assert "bootstrap_api_key names no valid key" not in first.output()
    late = "sk_" + "z9" * 16
    second = nodes.start(CORRAL_BOOTSTRAP_API_KEY=late)
    assert "bootstrap_api_key names no valid key" in second.output() and late not in second.output()
    assert httpx.get(f"{second.url}/v1/models", headers={"x-api-key": late}).status_code == 401


def test_two_nodes_side_by_side(nodes: Nodes) -> None:
    first, second = nodes.start("first"), nodes.start("second")
    assert ask(first, "to the first") == "to the first"
    assert ask(second, "to the second") == "to the second"
    assert first.home != second.home and first.port != second.port


def test_a_second_node_on_the_same_data_folder_is_refused(nodes: Nodes) -> None:
    node = nodes.start()
    other = nodes.start(ready=False)
    assert other.process.wait(30) == 1
    assert "runs on the data folder" in other.output()
    assert ask(node, "still here") == "still here"


def test_a_taken_port_is_named_with_its_setting(nodes: Nodes) -> None:
    node = nodes.start()
    other = nodes.start("other", ready=False, CORRAL_PORT=str(node.port))
    assert other.process.wait(30) == 1
    assert f"port {node.port} is taken" in other.output() and "CORRAL_PORT" in other.output()
    assert "Traceback" not in other.output()


def test_a_killed_node_takes_its_workers_along_and_starts_clean(nodes: Nodes) -> None:
    node = nodes.start()
    assert ask(node, "before") == "before"
    workers = node.workers()
    assert workers
    node.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
    assert (node.home / "node.json").exists()  # it had no time
    node.start_again()
    assert ask(node, "after") == "after"


def test_sigterm_lets_an_answer_finish_and_leaves_nothing(nodes: Nodes) -> None:
    write_echo(nodes.models, "slow", tokens_per_s=SLOW)
    node = nodes.start()
    words = " ".join(str(number) for number in range(int(SLOW * 2)))
    with Stream(node, words, "slow") as stream:
        workers = node.workers()
        node.process.terminate()
        text = stream.end()
    assert '"finish_reason":"stop"' in text and "[DONE]" in text
    assert node.process.wait(30) == 0
    assert psutil.wait_procs(workers, timeout=20)[1] == []


def test_an_answer_that_takes_too_long_gets_an_error_event(nodes: Nodes) -> None:
    write_echo(nodes.models, "endless", tokens_per_s=SLOW)
    node = nodes.start()
    with Stream(node, "word " * 2000, "endless") as stream:
        node.process.terminate()
        node.process.terminate()
        text = stream.end()
    assert '"error"' in text and "[DONE]" in text
    assert node.process.wait(30) == 0


def test_a_stop_request_needs_the_scope_and_ends_the_process(nodes: Nodes) -> None:
    node = nodes.start()
    assert httpx.post(f"{node.url}/v0/node/stop").status_code == 401
    answer = httpx.post(f"{node.url}/v0/node/stop", headers={"x-api-key": API_KEY})
    assert answer.status_code == 200
    assert node.process.wait(30) == 0


def test_a_restart_takes_up_what_was_set_meanwhile(nodes: Nodes) -> None:
    """In the same process, on the same port; a file that can't be used is told before anything ends."""
    node = nodes.start()
    with node.client() as http:
        changed = http.put("/v0/settings/node_name", json={"value": "renamed"}).json()
        assert changed["restart_needed"] is True
        assert http.post("/v0/node/restart").json() == {"restarting": True}
    wait_for(lambda: health_of(node).get("node") == "renamed", node)
    assert node.process.poll() is None and node.output().count("Corral ") >= 2
    (node.home / "config.toml").write_text("port = ")
    with node.client() as http:
        assert http.post("/v0/node/restart").status_code == 409
    assert health_of(node)["status"] == "ok" and ask(node, "still here") == "still here"


def test_settings_with_which_it_cant_start_are_not_taken_up(nodes: Nodes) -> None:
    """Who restarts a machine from afar can go on mending it."""
    node = nodes.start()
    with node.client() as http:
        http.put("/v0/settings/node_name", json={"value": "renamed"})
        (node.home / "logs.txt").write_text("no folder")
        http.put("/v0/settings/log_dir", json={"value": str(node.home / "logs.txt")})
        since = http.get("/v0/settings").json()["since"]
        http.post("/v0/node/restart")
        wait_for(lambda: settings_of(node).get("since", since) != since, node)
        found = settings_of(node)
        assert found["restart_needed"] is True and "can't start with them" in found["notices"][0]
        assert health_of(node)["node"] != "renamed" and ask(node, "still here") == "still here"


def settings_of(node: Node) -> dict[str, Any]:
    try:
        with node.client(timeout=5) as http:
            answer = http.get("/v0/settings")
    except httpx.TransportError:
        return {}
    return dict(answer.json()) if answer.status_code == 200 else {}


def health_of(node: Node) -> dict[str, str]:
    try:
        answer = httpx.get(f"{node.url}/health", timeout=5)
    except httpx.TransportError:
        return {}
    return dict(answer.json()) if answer.status_code == 200 else {}


def wait_for(done: Callable[[], bool], node: Node) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, node.output()
        time.sleep(0.05)


def test_a_model_s_load_options_come_from_the_file(nodes: Nodes, tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    (home / "config.toml").write_text("[models.parrot]\ncontext_length = 64\n")
    node = nodes.start()
    with node.client() as client:
        loaded = client.post("/v0/node/models/load", json={"model": "parrot"}).json()["loaded"]
    assert loaded["context_length"] == 64


def test_a_damaged_database_is_named(nodes: Nodes, tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    (home / "corral.db").write_text("no database at all\n" * 1000)
    node = nodes.start(ready=False)
    assert node.process.wait(30) == 1
    assert "damaged" in node.output() and "Traceback" not in node.output()

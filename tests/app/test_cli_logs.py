"""`corral logs` against a real node and without one; JSON of the commands around it."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from corral.app.commands.logs import readable
from corral.app.log_reader import Entry
from tests.acceptance.node import API_KEY, Node
from tests.app.command_line import DEADLINE_S, Commands
from tests.engines.echo_files import write_echo


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    (tmp_path / "models").mkdir()
    write_echo(tmp_path / "models")
    write_echo(tmp_path / "models", "broken", load_error="no such luck")
    running = Node(tmp_path / "data", models=tmp_path / "models")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


class Following:
    """A `corral logs -f` whose lines are read by a thread."""

    def __init__(self, home: Path, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "corral.app.cli", "logs", "-f", *words],
            env=Commands(home).environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def until(self, wanted: str) -> list[str]:
        """The lines up to one that holds `wanted`."""
        lines: list[str] = []
        while not lines or wanted not in lines[-1]:
            lines.append(self._lines.get(timeout=DEADLINE_S))
        return lines

    def interrupt(self) -> int:
        """As Ctrl+C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=DEADLINE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def fail(node: Node, request_id: str) -> None:
    """A request that leaves entries in the log."""
    body = {"model": "broken", "messages": [{"role": "user", "content": f"tell {API_KEY}"}]}
    with node.client() as client:
        answer = client.post("/v1/chat/completions", json=body, headers={"x-request-id": request_id})
    assert answer.status_code == 503


def test_following_shows_old_and_new_entries_as_they_come(node: Node) -> None:
    with Following(node.home, "--json", "--level", "info") as following:
        first = [json.loads(line)["event"] for line in following.until('"ready"')]
        assert "ready" in first
        fail(node, "id-1")
        entries = [json.loads(line) for line in following.until("endpoint failed")]
        told = {"loading model", "loading failed", "endpoint failed"}
        of_request = [entry for entry in entries if entry["event"] in told]  # the election logs too
        assert {entry["event"] for entry in of_request} == told
        assert {entry.get("request_id") for entry in of_request} == {"id-1"}
        assert API_KEY not in json.dumps(entries)
        node.stop()
        following.until("stopped")
        node.start_again()
        assert '"ready"' in following.until('"ready"')[-1]
        assert following.interrupt() == 0


def test_filters_and_numbers(node: Node) -> None:
    corral = Commands(node.home)
    fail(node, "id-1")
    fail(node, "id-2")
    lines = corral.done_at_last("endpoint failed", "logs", "--json", "--request-id", "id-2").splitlines()
    assert {json.loads(line)["request_id"] for line in lines} == {"id-2"}
    lines = corral.done("logs", "--level", "warning", "--json").splitlines()
    assert {json.loads(line)["level"] for line in lines} <= {"warning", "error"} and lines
    assert len(corral.done("logs", "-n", "2", "--json").splitlines()) == 2
    assert corral.done("logs", "-n", "0") == ""
    assert corral("logs", "--level", "loud").returncode == 2


def test_the_level_is_changed_while_it_runs_and_forgotten(node: Node) -> None:
    corral = Commands(node.home)
    with node.client() as client:
        assert client.post("/log/level", json={"level": "error"}).status_code == 200
        assert client.get("/log/level").json() == {"level": "error"}
        fail(node, "id-1")
        assert client.post("/log/level", json={"level": "info"}).status_code == 200
    shown = corral.done_at_last("after=info", "logs")
    assert "id-1" not in shown
    node.stop()
    node.start_again()
    with node.client() as client:
        assert client.get("/log/level").json() == {"level": "info"}


def test_piped_text_has_no_colours_and_works_without_a_node(node: Node) -> None:
    node.stop()
    shown = Commands(node.home).done("logs")
    assert "info     ready url=" in shown and "\x1b" not in shown


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    entry = {"event": "trouble", "level": "error", "timestamp": "2026-01-31T12:00:00Z"}
    (tmp_path / "logs" / "corral-2026-01-31.log").write_text(json.dumps(entry) + "\n")
    ours, terminal = os.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "corral.app.cli", "logs"],
            env={**Commands(tmp_path).environment(), "TERM": "xterm-256color", "NO_COLOR": ""},
            stdout=terminal,
            timeout=DEADLINE_S,
            check=True,
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(terminal)
    assert "\x1b[1;31m error" in shown and "trouble" in shown


def test_no_log_yet_is_no_error(tmp_path: Path) -> None:
    assert Commands(tmp_path).done("logs") == ""


def test_status_names_the_tasks(node: Node) -> None:
    tasks = json.loads(Commands(node.home).done("status", "--json"))["tasks"]
    assert {"removal of old logs", "recording"} <= {task["name"] for task in tasks}
    at_an_end = {task["name"] for task in tasks if task["state"] != "running"}
    assert at_an_end <= {"going on with downloads", "taking over an older history"}


def test_unloading_and_revoking_speak_json(node: Node) -> None:
    corral = Commands(node.home)
    assert json.loads(corral.done("unload", "parrot", "--json")) == {"unloaded": True}
    made = json.loads(corral.done("keys", "create", "phone", "--json"))
    assert json.loads(corral.done("keys", "revoke", made["id"], "--json")) == {"revoked": True}


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (
            {"event": "ready", "timestamp": "2026-01-31T12:00:00.123Z", "level": "info", "logger": "x"},
            "2026-01-31 12:00:00 info     ready",
        ),
        ({"event": "a", "level": "error", "n": 1, "none": None}, " error    a n=1"),
        ({"event": "a", "text": "two words", "list": [1, "b"]}, '          a text="two words" list=[1,"b"]'),
        ({"event": "a\x1b[31m", "empty": ""}, '          a[31m empty=""'),
        ({"event": "a", "model": "m\nn\x1b"}, '          a model="m\\nn\\u001b"'),
        ({"event": "a", "exception": "Traceback\n  x"}, "          a\nTraceback\n  x"),
    ],
)
def test_readable_entries(entry: Entry, shown: str) -> None:
    assert readable(entry).plain == shown

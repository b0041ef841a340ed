"""`corral doctor` on healthy and broken machines."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.node import Node
from tests.app.command_line import DEADLINE_S, Commands
from tests.engines.echo_files import write_echo


def examined(home: Path, **variables: str) -> tuple[int, list[Mapping[str, Any]]]:
    """The exit code, and the findings that are not ok."""
    ports = {"CORRAL_PORT": "0", "CORRAL_PEER_PORT": "0", "CORRAL_HOST": "127.0.0.1"}
    finished = subprocess.run(
        [sys.executable, "-m", "corral.app.cli", "doctor", "--json"],
        env={**Commands(home).environment(), **ports, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert finished.stderr == ""
    report = json.loads(finished.stdout)
    assert report["ok"] is (finished.returncode == 0)
    return finished.returncode, [each for each in report["findings"] if each["level"] == "problem"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder with a model, where no node has run. Nothing in it says anything on the network."""
    folder = tmp_path / "data"
    (folder / "models").mkdir(parents=True)
    folder.chmod(0o700)
    (folder / "config.toml").write_text('host = "127.0.0.1"\n')
    write_echo(folder / "models")
    return folder


def test_a_healthy_machine_with_and_without_its_node(home: Path) -> None:
    assert examined(home) == (0, [])
    running = Node(home, models=home / "models")
    try:
        running.wait_until_ready()
        ports = {"CORRAL_PORT": str(running.port)}
        assert examined(home, **ports) == (0, [])
        shown = Commands(home)("doctor", "--data-dir", str(home)).stdout
        assert f"runs at {running.url}" in shown and "whole, version" in shown and "\x1b" not in shown
        assert "the setting host is 127.0.0.1" in shown and "this machine is alone" in shown
    finally:
        running.stop()
    assert examined(home, **ports) == (0, [])


def test_a_damaged_cluster_file(home: Path) -> None:
    (home / "cluster.json").write_text("{}")
    code, [found] = examined(home)
    assert (code, found["check"]) == (1, "cluster file")
    assert "is damaged" in found["what"] and "paired" in found["remedy"]


def test_a_taken_port(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, [found] = examined(home, CORRAL_PORT=str(port))
    assert (code, found["check"]) == (1, "port")
    assert f"process {os.getpid()}" in found["what"] and "corral settings set port" in found["remedy"]


def test_a_truncated_model(home: Path, starter_model: Path) -> None:
    with starter_model.open("rb") as whole:
        (home / "models" / "cut.gguf").write_bytes(whole.read(10_000_000))
    code, [found] = examined(home)
    assert (code, found["check"]) == (1, "models")
    assert "cut.gguf: incomplete: 10000000 of" in found["what"]


def test_a_damaged_database(home: Path) -> None:
    (home / "corral.db").write_bytes(b"no database" * 1000)
    code, [found] = examined(home)
    assert (code, found["check"]) == (1, "database")
    assert "damaged" in found["what"] and "backup" in found["remedy"]


def test_a_folder_that_can_not_be_written() -> None:
    """In /proc not even the administrator may."""
    code, found = examined(Path("/proc"))
    assert code == 1
    assert {"check": "data folder", "level": "problem"}.items() <= found[0].items()
    assert "can't be written" in found[0]["what"]


def test_a_broken_configuration(home: Path) -> None:
    (home / "config.toml").write_text('bootstrap_api_key = "sk_secret"\nport = [\n')
    code, problems = examined(home)  # on the default port, which any program may have just now
    [found] = [each for each in problems if each["check"] == "settings"]
    assert code == 1
    assert "config.toml is not a TOML file" in found["what"] and "sk_secret" not in json.dumps(found)


def test_a_node_that_was_killed_is_no_problem(home: Path) -> None:
    running = Node(home, models=home / "models")
    try:
        running.wait_until_ready()
    finally:
        running.kill()
    assert examined(home) == (0, [])


def test_the_text_says_what_to_do(home: Path) -> None:
    (home / "corral.db").write_bytes(b"no database" * 1000)
    finished = Commands(home)("doctor")
    assert finished.returncode == 1
    assert "problem database" in finished.stdout and "Move it away" in finished.stdout

"""The commands against a real node with echo models."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from corral.app.paths import DataDir
from corral.app.run_file import read_run_files, write_run_files
from corral.app.version import program_version
from tests.acceptance.node import Node
from tests.app.command_line import DEADLINE_S, Commands
from tests.engines.echo_files import write_echo


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "models").mkdir()
    write_echo(folder / "models")
    write_echo(folder / "models", "finch")
    write_echo(folder / "models", "broken", load_error="no such luck")
    running = Node(folder / "data", models=folder / "models")
    try:
        running.wait_until_ready()
        Commands(running.home).done("load", "parrot")  # its process belongs to this fixture
        yield running
    finally:
        running.stop()


@pytest.fixture
def corral(node: Node) -> Commands:
    return Commands(node.home)


@pytest.fixture
def nowhere(tmp_path: Path) -> Commands:
    """Commands where no node runs."""
    return Commands(tmp_path)


def test_version(nowhere: Commands) -> None:
    assert nowhere.done("version") == f"{program_version()}\n"
    assert json.loads(nowhere.done("version", "--json")) == {"version": program_version()}
    assert nowhere.done("--version") == f"{program_version()}\n"


def test_list_names_every_model(corral: Commands) -> None:
    models = json.loads(corral.done("list", "--json"))
    assert {model["name"] for model in models} == {"parrot", "finch", "broken"}
    assert "parrot" in corral.done("list")


def test_load_ps_unload(corral: Commands) -> None:
    assert json.loads(corral.done("load", "finch", "--json"))["context_length"] == 8192
    assert [model["name"] for model in json.loads(corral.done("ps", "--json"))] == ["finch", "parrot"]
    assert "finch" in corral.done("ps")
    assert "unloaded" in corral.done("unload", "finch")
    assert "finch" not in corral.done("ps")


def test_run_answers_a_prompt(corral: Commands) -> None:
    assert corral.done("run", "parrot", "three small words") == "three small words\n"


def test_run_answers_what_is_piped_in(corral: Commands) -> None:
    assert corral.done("run", "parrot", stdin="out of a pipe\n") == "out of a pipe\n"


def test_bytes_that_are_no_text_do_not_break_it(corral: Commands) -> None:
    assert corral.done("run", "parrot", b"not \xff text") == "not ? text\n"
    assert corral.done("run", "parrot", stdin="not \udcff text") == "not \ufffd text\n"


def test_an_output_that_can_not_show_a_letter_gets_another(corral: Commands) -> None:
    words = [sys.executable, "-m", "corral.app.cli", "run", "parrot", "grün"]
    environment = {**corral.environment(), "PYTHONIOENCODING": "ascii"}
    assert subprocess.check_output(words, env=environment, timeout=DEADLINE_S) == b"gr?n\n"


def test_an_output_that_is_full_is_named(nowhere: Commands) -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "corral.app.cli", "settings"]
        finished = subprocess.run(
            words,
            env=nowhere.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
        )
    assert finished.returncode == 1
    assert finished.stderr.startswith(b"corral: ") and b"Traceback" not in finished.stderr


def test_a_closed_output_is_no_failure(nowhere: Commands) -> None:
    shell = f'exec "{sys.executable}" -m corral.app.cli settings >&- 2>&- <&-'
    assert subprocess.run(["sh", "-c", shell], env=nowhere.environment(), check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "nobody", "hi"), "there is no model 'nobody'"),
        (("run", "broken", "hi"), "no such luck"),
        (("run", "parrot"), "there is no prompt"),
        (("load", "nobody"), "there is no model 'nobody'"),
        (("unload", "nobody"), "there is no model 'nobody'"),
        (("keys", "create", "k", "--scope", "root"), "`scopes.0`"),
        (("keys", "revoke", "nobody"), "no valid API key"),
        (("keys", "update", "nobody", "--name", "x"), "no valid API key"),
    ],
)
def test_what_fails_says_why(corral: Commands, words: tuple[str, ...], says: str) -> None:
    finished = corral(*words)
    assert finished.returncode == 1
    assert says in finished.stderr and finished.stderr.startswith("corral: ")


def test_keys_are_made_listed_and_revoked(corral: Commands, node: Node) -> None:
    made = corral("keys", "create", "phone", "--days", "2")
    assert made.returncode == 0 and "shown only now" in made.stderr
    key = made.stdout.strip()
    headers = {"authorization": f"Bearer {key}"}
    assert httpx.get(f"{node.url}/v1/models", headers=headers).status_code == 200
    [id] = [
        each["id"] for each in json.loads(corral.done("keys", "list", "--json")) if each["name"] == "phone"
    ]
    shown = corral.done("keys", "list")
    assert "valid until" in shown and key[:8] in shown and key not in shown
    corral.done("keys", "revoke", id)
    assert httpx.get(f"{node.url}/v1/models", headers=headers).status_code == 401
    assert "revoked on" in corral.done("keys", "list")


def test_a_key_is_limited_and_changed(corral: Commands) -> None:
    made = json.loads(
        corral.done(
            *("keys", "create", "tablet", "--requests-per-minute", "7", "--tokens-per-day", "99", "--json")
        )
    )
    assert (made["requests_per_minute"], made["tokens_per_day"], made["tokens_per_minute"]) == (7, 99, None)
    shown = corral.done("keys", "list")
    assert "7 requests/min, 99 tokens/day" in shown and "never" in shown
    wishes = ("--name", "desk", "--scope", "runtime", "--days", "3", "--requests-per-minute", "0")
    changed = json.loads(corral.done("keys", "update", made["id"], *wishes, "--json"))
    assert (changed["name"], changed["scopes"]) == ("desk", ["runtime"])
    assert (changed["requests_per_minute"], changed["tokens_per_day"]) == (None, 99)
    assert changed["expires_at"] is not None
    assert "changed" in corral.done("keys", "update", made["id"], "--days", "0")
    [listed] = [key for key in json.loads(corral.done("keys", "list", "--json")) if key["id"] == made["id"]]
    assert (listed["expires_at"], listed["scopes"]) == (None, ["runtime"])


def test_a_key_has_the_scopes_it_was_given(corral: Commands) -> None:
    made = json.loads(
        corral.done("keys", "create", "robot", "--scope", "api", "--scope", "runtime", "--json")
    )
    assert (made["scopes"], made["expires_at"]) == (["api", "runtime"], None)


def test_status(corral: Commands, node: Node) -> None:
    status = json.loads(corral.done("status", "--json"))
    assert (status["running"], status["url"], status["pid"]) == (True, node.url, node.process.pid)
    assert node.url in corral.done("status")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("list",),
        ("ps",),
        ("stop",),
        ("run", "m", "hi"),
        ("load", "m"),
        ("unload", "m"),
        ("keys", "list"),
        ("keys", "create", "k"),
    ],
)
def test_without_a_node_it_says_how_to_start_one(nowhere: Commands, words: tuple[str, ...]) -> None:
    finished = nowhere(*words)
    assert finished.returncode == 3
    assert "corral serve" in finished.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("serve", "--port", "x"), "setting port (command line) must be a whole number"),
        (("serve", "--set", "metrics=maybe"), "must be true or false"),
        (("serve", "--set", "nonsense=1"), "no setting 'nonsense'"),
        (("nonsense",), "nonsense"),
        (("run",), "model"),
    ],
)
def test_wrong_usage(nowhere: Commands, words: tuple[str, ...], says: str) -> None:
    finished = nowhere(*words)
    assert finished.returncode == 2
    assert says in finished.stderr and "Traceback" not in finished.stderr


def test_settings_show_values_and_sources(nowhere: Commands) -> None:
    (nowhere.home / "config.toml").write_text('port = 7\nbootstrap_api_key = "sk_' + "Ab12" * 8 + '"')
    rows = {row["name"]: row for row in json.loads(nowhere.done("settings", "--json"))}
    assert (rows["port"]["value"], rows["port"]["source"]) == ("7", "config.toml")
    assert rows["port"]["help"] in nowhere.done("settings")
    assert rows["bootstrap_api_key"]["value"] == "(set)"
    assert "Ab12" not in nowhere.done("settings")
    assert nowhere.done("settings", "--markdown").startswith("# Settings")


def test_a_killed_node_is_not_running(tmp_path: Path) -> None:
    running = Node(tmp_path / "data", models=tmp_path / "models")
    try:
        running.wait_until_ready()
    finally:
        running.kill()
    assert Commands(running.home)("status").returncode == 3


def test_another_node_on_the_port_of_a_killed_one_is_not_taken_for_it(node: Node, tmp_path: Path) -> None:
    there = read_run_files(DataDir(node.home))
    assert there is not None
    write_run_files(DataDir(tmp_path), there.run, "the token of a run that is over")
    for words in (("status",), ("list",), ("run", "parrot", "hi"), ("stop",)):
        assert Commands(tmp_path)(*words).returncode == 3


def test_stop_waits_until_the_node_is_gone(tmp_path: Path) -> None:
    running = Node(tmp_path / "data", models=tmp_path / "models")
    try:
        running.wait_until_ready()
        commands = Commands(running.home)
        assert "stopped" in commands.done("stop")
        assert not (running.home / "node.json").exists()
        assert commands("stop").returncode == 3
    finally:
        running.stop()

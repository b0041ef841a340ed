"""`corral settings get`, `set`, `unset`, and what the shell completes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.node import Node
from tests.app.command_line import DEADLINE_S, Commands
from tests.engines.echo_files import write_echo

PASSWORD = "correct horse battery"


@pytest.fixture
def corral(tmp_path: Path) -> Commands:
    """Commands where no node runs."""
    return Commands(tmp_path / "data")


def config(corral: Commands) -> Path:
    return corral.home / "config.toml"


def test_a_value_is_set_shown_and_unset_again(corral: Commands) -> None:
    assert corral.done("settings", "get", "port") == "32768\n"
    assert "port is changed" in corral.done("settings", "set", "port", "8080")
    assert corral.done("settings", "get", "port") == "8080\n"
    assert json.loads(corral.done("settings", "get", "port", "--json"))["source"] == "config.toml"
    assert "stays as it is" in corral.done("settings", "set", "port", "8080")
    corral.done("settings", "unset", "port")
    assert corral.done("settings", "get", "port") == "32768\n"
    assert "stays as it is" in corral.done("settings", "unset", "port")


@pytest.mark.parametrize(
    ("name", "value", "written", "shown"),
    [
        ("metrics", "off", "metrics = false", "false"),
        ("max-memory-bytes", "8GB", 'max_memory_bytes = "8GB"', "8000000000"),
        ("log_max_bytes", "1000", "log_max_bytes = 1000", "1000"),
        ("model_idle_timeout_s", "none", 'model_idle_timeout_s = "none"', "none"),
        ("keep_alive_s", "2.5", "keep_alive_s = 2.5", "2.5"),
        (
            "cors_origins",
            "https://a, https://b",
            'cors_origins = ["https://a", "https://b"]',
            "https://a, https://b",
        ),
        ("node_name", 'say "hi" # ü', 'node_name = "say \\"hi\\" # ü"', 'say "hi" # ü'),
        ("log_level", "WARN", 'log_level = "warning"', "warning"),
    ],
)
def test_kinds_of_values(corral: Commands, name: str, value: str, written: str, shown: str) -> None:
    corral.done("settings", "set", name, value)
    assert config(corral).read_text(encoding="utf-8") == f"{written}\n"
    assert corral.done("settings", "get", name) == f"{shown}\n"


def test_paths_are_kept_from_the_root_on(corral: Commands) -> None:
    corral.done("settings", "set", "models_dir", "my models")
    assert config(corral).read_text() == f'models_dir = "{Path.cwd() / "my models"}"\n'


def test_comments_and_tables_stay(corral: Commands) -> None:
    corral.home.mkdir()
    config(corral).write_text('# Mine\nport = 1 # one\n\n[models."tiny"]\nthreads = 2\n')
    corral.done("settings", "set", "port", "2")
    corral.done("settings", "set", "host", "127.0.0.1")
    assert config(corral).read_text() == (
        '# Mine\nport = 2 # one\nhost = "127.0.0.1"\n\n[models."tiny"]\nthreads = 2\n'
    )


def test_a_secret_is_taken_from_the_input_and_never_shown(corral: Commands) -> None:
    assert corral.done("settings", "get", "admin_password") == "not set\n"
    said = corral.done("settings", "set", "admin_password", "-", stdin=f"{PASSWORD}\n")
    assert config(corral).stat().st_mode & 0o777 == 0o600
    shown = corral.done("settings", "get", "admin_password")
    shown += corral.done("settings", "get", "admin_password", "--json") + said
    assert shown.startswith("set\n") and PASSWORD not in shown and PASSWORD in config(corral).read_text()
    refused = corral("settings", "set", "session_secret", "too short")
    assert refused.returncode == 2 and "too short" not in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set", "port", "x"), "must be a whole number"),
        (("set", "port", "-1"), "must be a whole number"),
        (("set", "prot", "1"), "did you mean 'port'?"),
        (("get", "nonsense"), "`corral settings` lists them"),
        (("unset", "nonsense"), "`corral settings` lists them"),
        (("set", "data_dir", "/x"), "CORRAL_DATA_DIR"),
        (("set", "models.default", "1"), "by hand"),
        (("set", "port"), "Missing argument"),
    ],
)
def test_wrong_usage_changes_nothing(corral: Commands, words: tuple[str, ...], says: str) -> None:
    finished = corral("settings", *words)
    assert finished.returncode == 2
    assert says in finished.stderr and "Traceback" not in finished.stderr
    assert not config(corral).exists()


def test_a_broken_file_is_left_alone(corral: Commands) -> None:
    corral.home.mkdir()
    config(corral).write_text("port = \n")
    assert "by hand" in corral.failed("settings", "set", "port", "1")
    assert config(corral).read_text() == "port = \n"


def test_a_setting_can_be_repaired_and_what_else_is_wrong_is_named(corral: Commands) -> None:
    corral.home.mkdir()
    config(corral).write_text('port = "x"\nmetrics = "maybe"\n')
    finished = corral("settings", "set", "port", "1")
    assert finished.returncode == 0 and "metrics" in finished.stderr
    corral.done("settings", "unset", "metrics")
    assert corral.done("settings", "get", "port") == "1\n"


def test_it_says_what_else_is_to_do(tmp_path: Path) -> None:
    running = Node(tmp_path / "data", models=tmp_path)
    try:
        running.wait_until_ready()
        corral = Commands(running.home)
        assert "when it is started again" in corral.done("settings", "set", "port", "8080")
        result = json.loads(corral.done("settings", "set", "port", "8081", "--json"))
        assert result == {
            "name": "port",
            "changed": True,
            "file": str(running.home / "config.toml"),
            "restart_needed": True,
            "overridden_by": None,
        }
    finally:
        running.stop()
    assert json.loads(corral.done("settings", "unset", "port", "--json"))["restart_needed"] is False


def test_a_variable_that_wins_is_named(corral: Commands) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "corral.app.cli", "settings", "set", "port", "8080"],
        env={**corral.environment(), "ROUTER_PORT": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert "ROUTER_PORT is set here, and wins" in finished.stdout


def completed(corral: Commands, *words: str) -> list[str]:
    """What bash is offered for the last of these words."""
    program = Path(sys.executable).with_name("corral")
    environment = {
        **corral.environment(),
        "_CORRAL_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("corral", *words)),
        "COMP_CWORD": str(len(words)),
    }
    finished = subprocess.run(
        [program], env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert finished.stderr == ""
    return finished.stdout.split()


def test_the_shell_completes_commands_and_settings(corral: Commands) -> None:
    assert "settings" in completed(corral, "set")
    assert completed(corral, "settings", "get", "peer") == ["peer_port", "peers"]


def test_the_shell_completes_models_without_a_node(corral: Commands) -> None:
    (corral.home / "models").mkdir(parents=True)
    write_echo(corral.home / "models", "parrot")
    assert completed(corral, "run", "par") == ["parrot"]
    assert completed(corral, "keys", "revoke", "0") == []


def test_the_shell_completes_models_and_keys_of_a_running_node(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    write_echo(tmp_path / "models", "finch")
    running = Node(tmp_path / "data", models=tmp_path / "models")
    try:
        running.wait_until_ready()
        corral = Commands(running.home)
        assert completed(corral, "load", "fi") == ["finch"]
        [key] = json.loads(corral.done("keys", "list", "--json"))
        assert completed(corral, "keys", "revoke", key["id"][:4]) == [key["id"]]
    finally:
        running.stop()


def test_a_completion_script_can_be_shown(corral: Commands) -> None:
    program = Path(sys.executable).with_name("corral")
    script = subprocess.run(
        [program, "--show-completion", "bash"],
        env={
            **corral.environment(),
            "SHELL": "/bin/bash",
            "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
        cwd=os.sep,
    ).stdout
    assert "_CORRAL_COMPLETE" in script and "complete -o default" in script

"""`corral users` and `corral history` against a running node, as a user types them."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.node import Node
from tests.app.command_line import DEADLINE_S, Commands
from tests.engines.echo_files import write_echo


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("people")
    write_echo(folder)
    running = Node(folder / "data", models=folder)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def corral(node: Node) -> Commands:
    return Commands(node.home)


def sign_in(node: Node, username: str, password: str) -> int:
    with node.client() as http:
        return http.post("/v0/auth/login", json={"username": username, "password": password}).status_code


def test_a_user_comes_and_goes(node: Node, corral: Commands) -> None:
    password = corral.done("users", "add", "bob", "--generate").strip()
    assert len(password) == 20 and sign_in(node, "bob", password) == 200
    listed = {user["username"]: user for user in json.loads(corral.done("users", "list", "--json"))}
    assert listed["bob"]["role"] == "viewer" and listed["admin"]["role"] == "admin"
    assert "bob" in corral.done("users", "list")
    corral.done("users", "passwd", "BOB", "--password-stdin", stdin="another password\n")
    assert (sign_in(node, "bob", password), sign_in(node, "bob", "another password")) == (401, 200)
    corral.done("users", "remove", "bob")
    assert sign_in(node, "bob", "another password") == 401
    failed = corral.failed("users", "remove", "bob")
    assert "no user 'bob'" in failed


def test_the_last_administrator_stays(corral: Commands) -> None:
    assert "last administrator" in corral.failed("users", "remove", "admin")


def test_passwords_are_typed_twice(node: Node, corral: Commands) -> None:
    master, terminal = pty.openpty()
    words = [sys.executable, "-m", "corral.app.cli", "users", "add", "eve"]
    with subprocess.Popen(
        words,
        env=corral.environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as command:
        os.close(terminal)
        for _ in range(2):
            seen = b""
            while not seen.endswith(b": "):
                seen += os.read(master, 1)
            os.write(master, b"eves password\n")
        assert command.wait(DEADLINE_S) == 0
    os.close(master)
    assert sign_in(node, "eve", "eves password") == 200


def test_without_a_terminal_it_says_what_to_do(corral: Commands) -> None:
    assert "--password-stdin" in corral.failed("users", "add", "nobody", stdin="")


def test_an_invitation_registers_somebody(node: Node, corral: Commands) -> None:
    code = corral.done("users", "invite").strip()
    with node.client() as http:
        body = {"code": code, "username": "guest", "password": "guests password"}
        assert http.post("/v0/auth/register", json=body).status_code == 201


def test_history_shows_what_was_asked(node: Node, corral: Commands) -> None:
    assert corral.done("run", "parrot", "unmistakable words").strip() == "unmistakable words"
    found = corral.done_at_last("this_machine", "history", "-q", "unmistak", "--json")
    (row,) = json.loads(found)
    assert (row["model"], row["status"], row["who"]["kind"]) == ("parrot", 200, "this_machine")
    assert "parrot" in corral.done("history", "--user", "local")
    assert json.loads(corral.done("history", "--model", "nobody", "--json")) == []


def test_history_follows(node: Node, corral: Commands) -> None:
    words = [sys.executable, "-m", "corral.app.cli", "history", "--follow", "--json", "-q", "followed"]
    with subprocess.Popen(words, env=corral.environment(), stdout=subprocess.PIPE, text=True) as command:
        try:
            assert command.stdout is not None
            corral.done("run", "parrot", "followed one")
            text = ""
            while not text.rstrip().endswith("\n}"):
                text += command.stdout.readline()
        finally:
            command.terminate()
    assert json.loads(text)["model"] == "parrot"


def test_the_data_folder_keeps_its_secrets(node: Node) -> None:
    for name in ("cluster.json", "identity/identity.pem", "local.token", "corral.db", "cluster-*.db"):
        [file] = node.home.glob(name)
        assert file.stat().st_mode & 0o077 == 0, name
    assert Path(node.home).stat().st_mode & 0o077 == 0

"""`corral open` against a running node, as a user types it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.node import Node
from tests.app.command_line import Commands

ONE_TIME, TOKENS = "/v0/auth/one-time", "/v0/auth/one-time-tokens"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("desktop")
    running = Node(folder / "data", models=folder)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


class WithBrowser(Commands):
    """Commands of somebody with a display, and a browser that writes down what it shall show."""

    def __init__(self, home: Path, shown: Path) -> None:
        super().__init__(home)
        self.shown = shown

    def environment(self) -> dict[str, str]:
        script = f"import sys; open({str(self.shown)!r}, 'w').write(sys.argv[1])"
        program = self.shown.with_suffix(".sh")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$1"\n')
        program.chmod(0o700)
        return {**super().environment(), "DISPLAY": ":77", "BROWSER": f"{program} %s"}


class WithoutDisplay(Commands):
    """Commands of somebody who is logged in from elsewhere."""

    def environment(self) -> dict[str, str]:
        kept = super().environment()
        return {name: value for name, value in kept.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def token_of(url: str, node: Node) -> str:
    address, _, token = url.strip().partition("#one-time=")
    assert address == f"{node.url}/dashboard"
    return token


def test_the_url_signs_in_once(node: Node) -> None:
    url = json.loads(WithoutDisplay(node.home).done("open", "--json"))["url"]
    with node.client() as http:
        del http.headers["authorization"]
        answer = http.post(ONE_TIME, json={"token": token_of(url, node)})
        assert answer.json()["user"]["username"] == "admin"
        assert http.get("/v0/users").status_code == 200  # with the cookie
        http.cookies.clear()
        assert http.post(ONE_TIME, json={"token": token_of(url, node)}).status_code == 401


def test_the_browser_gets_it(node: Node, tmp_path: Path) -> None:
    commands = WithBrowser(node.home, tmp_path / "shown")
    assert commands.done("open") == "The dashboard is in the browser.\n"
    assert len(token_of(commands.shown.read_text(), node)) == 43


def test_without_a_display_it_is_printed(node: Node) -> None:
    said = WithoutDisplay(node.home).done("open")
    assert f"  {node.url}/dashboard#one-time=" in said and "within 30 s" in said


def test_tokens_are_for_commands_of_this_machine(node: Node) -> None:
    corral = Commands(node.home)
    key = json.loads(corral.done("keys", "create", "boss", "--scope", "admin", "--json"))["key"]
    with node.client() as http:
        refused = http.post(TOKENS, headers={"authorization": f"Bearer {key}"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_this_machine")
        local = {"authorization": f"Bearer {(node.home / 'local.token').read_text()}"}
        assert http.post(TOKENS, headers=local).json()["expires_in_s"] == 30


def sharing_of(node: Node) -> dict[str, str]:
    with node.client() as http:
        health: dict[str, str] = http.get("/health").json()
        return health


def test_pausing_is_shown_and_ends(node: Node) -> None:
    corral = Commands(node.home)
    assert corral.done("pause") == "Other machines don't use this one now.\n"
    health = sharing_of(node)
    assert (health["status"], health["role"], health["sharing"]) == ("ok", "alone", "paused")
    assert "paused: other machines don't use this one" in corral.done("status")
    assert corral.done("resume") == "Other machines may use this one again.\n"
    assert sharing_of(node)["sharing"] == "on"

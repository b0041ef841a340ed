"""docs/operations.md and the README name every command."""

import re
from pathlib import Path

import pytest
import typer.main

from corral.app.cli import app

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_operations_page(command: str) -> None:
    assert f"`corral {command}" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/settings.md"])
def test_pages_name_only_commands_that_exist(page: str) -> None:
    named = re.findall(r"`corral ([a-z]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert set(named) <= set(COMMANDS)

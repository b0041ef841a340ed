"""The documentation names only what is there: files, make targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(page: Path) -> Iterator[str]:
    """What stands in code blocks and between backticks."""
    for block, span in _CODE.findall(page.read_text(encoding="utf-8")):
        yield block or span


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8"))]
    inside = [link for link in links if link and not link.startswith(("https://", "http://"))]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_commands_exist(page: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    used = {target for code in code_of(page) for target in re.findall(r"\bmake ([a-z]+)\b", code)}
    assert used <= targets


def test_the_readme_names_the_two_commands() -> None:
    assert {"make run\n", "make test\n"} <= set(code_of(ROOT / "README.md"))


def test_continuous_integration_runs_the_test_command() -> None:
    assert "\nexec make test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")

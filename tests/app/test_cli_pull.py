"""`corral pull` on a machine that is on its own; `tests/cluster/test_model_copy.py` has two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.node import Node
from tests.app.command_line import Commands
from tests.engines.echo_files import write_echo


@pytest.fixture(scope="module")
def corral(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("pull")
    write_echo(folder)
    running = Node(folder / "data", models=folder)
    try:
        running.wait_until_ready()
        yield Commands(running.home)
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["parrot"], "has model 'parrot' already"),
        (["parrot", "--wait"], "has model 'parrot' already"),
        (["huge"], "no machine that is on has a model 'huge'"),
        (["parrot", "--to", "nobody"], "no such machine"),
        (["parrot", "--cancel"], "no model 'parrot' is on its way"),
    ],
)
def test_what_can_not_be_done(corral: Commands, words: list[str], says: str) -> None:
    assert says in corral.failed("pull", *words)


def test_without_a_running_node(tmp_path: Path) -> None:
    assert Commands(tmp_path)("pull", "parrot").returncode == 3

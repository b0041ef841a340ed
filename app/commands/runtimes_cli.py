"""The commands `corral runtimes …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

runtimes = typer.Typer(help="Manage the runtimes that registered by HTTP.", no_args_is_help=True)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Runtime = Annotated[str, typer.Argument(help="Its name or id, as `corral runtimes list` shows it.")]


@runtimes.command("list")
def list_runtimes(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List the machines that serve models, and the runtimes that registered."""
    from corral.app.commands import runtimes as command

    command.list_runtimes(_settings(data_dir), as_json=json)


@runtimes.command("remove")
def remove_runtime(runtime: _Runtime, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Forget a runtime; it may register again."""
    from corral.app.commands import runtimes as command

    command.remove(_settings(data_dir), runtime, as_json=json)


@runtimes.command("disconnect")
def disconnect_runtime(runtime: _Runtime, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Let a runtime answer nothing more until it registers again."""
    from corral.app.commands import runtimes as command

    command.disconnect(_settings(data_dir), runtime, as_json=json)


@runtimes.command("logs")
def show_logs(
    runtime: _Runtime,
    tail: Annotated[int, typer.Option(min=1, max=5000, help="So many entries.")] = 200,
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """Show the log of a machine or a runtime."""
    from corral.app.commands import runtimes as command

    command.show_logs(_settings(data_dir), runtime, tail=tail, as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

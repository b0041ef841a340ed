"""The commands `corral aliases …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

aliases = typer.Typer(
    help="One name for models that are called differently in different places.", invoke_without_command=True
)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Name = Annotated[str, typer.Argument(help="The name that clients ask for.")]
_Targets = Annotated[list[str], typer.Argument(help="Names of models, as GET /v1/models shows them.")]


@aliases.callback()
def _no_command(context: typer.Context, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_aliases(data_dir, json)


@aliases.command("list")
def list_aliases(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List the aliases and what they mean."""
    from corral.app.commands import aliases as command

    command.list_aliases(_settings(data_dir), as_json=json)


@aliases.command()
def add(name: _Name, targets: _Targets, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Make a name for the models that are called like one of the targets."""
    from corral.app.commands import aliases as command

    command.add(_settings(data_dir), name, targets, as_json=json)


@aliases.command("set")
def change(name: _Name, targets: _Targets, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Let a name mean these models, and no others."""
    from corral.app.commands import aliases as command

    command.change(_settings(data_dir), name, targets, as_json=json)


@aliases.command()
def remove(name: _Name, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Remove a name."""
    from corral.app.commands import aliases as command

    command.remove(_settings(data_dir), name, as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

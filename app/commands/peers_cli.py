"""The commands `corral peers …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

peers = typer.Typer(help="Machines on the network, and those that it doesn't tell of.", no_args_is_help=True)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_Host = Annotated[
    str, typer.Argument(help="Name or address of a machine, with its peer port if that isn't 32769.")
]


@peers.command()
def add(host: _Host, data_dir: _DataDir = None) -> None:
    """Look for a machine at an address, for networks without multicast. It is kept."""
    from corral.app.commands import peers as command

    command.add(_settings(data_dir), host)


@peers.command()
def remove(host: _Host, data_dir: _DataDir = None) -> None:
    """Forget an address that was added."""
    from corral.app.commands import peers as command

    command.remove(_settings(data_dir), host)


@peers.command("list")
def list_peers(
    data_dir: _DataDir = None, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the machines that this one knows of, also those of other clusters."""
    from corral.app.commands import peers as command

    command.show(_settings(data_dir), as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

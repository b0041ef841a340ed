"""The commands `corral cloud …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

cloud = typer.Typer(help="Manage the keys of cloud providers, for the whole cluster.", no_args_is_help=True)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_Provider = Annotated[str, typer.Argument(help="openai, google or anthropic.")]


@cloud.command("list")
def list_providers(
    data_dir: _DataDir = None, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the providers: which have a key, and what went wrong last."""
    from corral.app.commands import cloud as command

    command.list_providers(_settings(data_dir), as_json=json)


@cloud.command("set")
def set_provider(
    provider: _Provider,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Where it answers.")] = None,
    keep_key: Annotated[bool, typer.Option("--keep-key", help="Change the address only.")] = False,
    data_dir: _DataDir = None,
) -> None:
    """Set a provider's key; it is typed, or read from the input."""
    from corral.app.commands import cloud as command

    command.set_provider(_settings(data_dir), provider, base_url=base_url, keep_key=keep_key)


@cloud.command("remove")
def remove_provider(provider: _Provider, data_dir: _DataDir = None) -> None:
    """Remove the key and address that are set for the cluster."""
    from corral.app.commands import cloud as command

    command.remove_provider(_settings(data_dir), provider)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

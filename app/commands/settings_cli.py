"""The commands `corral settings …`."""

from typing import TYPE_CHECKING, Annotated

import typer

from corral.app.commands.completion import complete_setting

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

settings = typer.Typer(help="Show and change the settings.")

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Name = Annotated[str, typer.Argument(help="As `corral settings` lists it.", autocompletion=complete_setting)]


@settings.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    data_dir: _DataDir = None,
    json: _AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/settings.md.")] = False,
) -> None:
    """Show every setting, its value and where it comes from."""
    from corral.app.commands import settings as command

    if context.invoked_subcommand is not None:
        context.obj = data_dir
    elif markdown:
        command.show_markdown()
    else:
        command.show_settings(_settings(data_dir), as_json=json)


@settings.command("get")
def get_setting(
    context: typer.Context, name: _Name, data_dir: _DataDir = None, json: _AsJson = False
) -> None:
    """Print the value of one setting; of a secret only whether it is set."""
    from corral.app.commands import settings as command

    command.show_setting(_settings(data_dir or context.obj), name, as_json=json)


@settings.command("set", context_settings={"ignore_unknown_options": True})
def set_setting(
    context: typer.Context,
    name: _Name,
    value: Annotated[str, typer.Argument(help="The new value; - reads it from the input.")],
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """Write a setting into config.toml."""
    from corral.app.commands import settings as command

    command.set_setting(name, value, data_dir=data_dir or context.obj, as_json=json)


@settings.command("unset")
def unset_setting(
    context: typer.Context, name: _Name, data_dir: _DataDir = None, json: _AsJson = False
) -> None:
    """Take a setting out of config.toml, so that its default counts again."""
    from corral.app.commands import settings as command

    command.unset_setting(name, data_dir=data_dir or context.obj, as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

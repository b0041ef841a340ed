"""The commands `corral users …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

users = typer.Typer(help="Manage the people who can sign in.", no_args_is_help=True)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Name = Annotated[str, typer.Argument(help="The username.")]
_FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")]
_Generate = Annotated[bool, typer.Option("--generate", help="Make a random password and print it, once.")]


@users.command("list")
def list_users(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List the users."""
    from corral.app.commands import users as command

    command.list_users(_settings(data_dir), as_json=json)


@users.command("add")
def add_user(
    name: _Name,
    role: Annotated[str, typer.Option(help="viewer, or admin: may manage everything.")] = "viewer",
    password_stdin: _FromInput = False,
    generate: _Generate = False,
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """Make a user; asks for the password unless told where to get it."""
    from corral.app.commands import users as command

    source = command.PasswordSource(from_input=password_stdin, generate=generate)
    command.add_user(_settings(data_dir), name, role=role, source=source, as_json=json)


@users.command("passwd")
def change_password(
    name: _Name, password_stdin: _FromInput = False, generate: _Generate = False, data_dir: _DataDir = None
) -> None:
    """Give a user another password, also a forgotten one; ends the user's sessions."""
    from corral.app.commands import users as command

    source = command.PasswordSource(from_input=password_stdin, generate=generate)
    command.change_password(_settings(data_dir), name, source=source)


@users.command("remove")
def remove_user(name: _Name, data_dir: _DataDir = None) -> None:
    """Remove a user; ends the user's sessions."""
    from corral.app.commands import users as command

    command.remove_user(_settings(data_dir), name)


@users.command("invite")
def invite(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Make an invitation code and print it, once: it makes one viewer within 72 hours."""
    from corral.app.commands import users as command

    command.invite(_settings(data_dir), as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

"""The commands `corral cluster …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

cluster = typer.Typer(help="The machines that serve together.", no_args_is_help=True)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Machine = Annotated[str, typer.Argument(help="Its name or id, as `corral cluster nodes` shows it.")]
_Request = Annotated[
    str,
    typer.Argument(
        help="The machine's name, its code, or the request's id, as `corral cluster status` shows it."
    ),
]


@cluster.command()
def status(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Show the cluster, who is router, and who wants to join."""
    from corral.app.commands import cluster as command

    command.show_status(_settings(data_dir), as_json=json)


@cluster.command()
def nodes(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List the machines."""
    from corral.app.commands import cluster as command

    command.list_nodes(_settings(data_dir), as_json=json)


@cluster.command()
def watch(data_dir: _DataDir = None) -> None:
    """Show what changes, until interrupted."""
    from corral.app.commands.cluster_watch import watch as run

    run(_settings(data_dir))


@cluster.command()
def approve(request: _Request, data_dir: _DataDir = None) -> None:
    """Let a machine in. Compare the code that it shows first."""
    from corral.app.commands import cluster as command

    command.decide(_settings(data_dir), request, approve=True)


@cluster.command()
def deny(request: _Request, data_dir: _DataDir = None) -> None:
    """Turn a machine away."""
    from corral.app.commands import cluster as command

    command.decide(_settings(data_dir), request, approve=False)


@cluster.command()
def join(
    token: Annotated[str | None, typer.Argument(help="A token of `corral cluster invite`.")] = None,
    code: Annotated[str | None, typer.Option(help="The code that `corral cluster code` shows there.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Name or address of a machine of the cluster; else it is looked for.")
    ] = None,
    data_dir: _DataDir = None,
) -> None:
    """Join another cluster: with a token, with a code, or by asking. This machine's own users and keys end."""
    from corral.app.commands import cluster as command

    command.join(_settings(data_dir), token=token, code=code, host=host)


@cluster.command()
def code(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Show a code that lets one machine in within a minute: `corral cluster join --code …` there."""
    from corral.app.commands import cluster as command

    command.show_code(_settings(data_dir), as_json=json)


@cluster.command()
def invite(
    uses: Annotated[int, typer.Option(min=1, max=1000, help="So many machines.")] = 1,
    hours: Annotated[float, typer.Option(min=0.1, max=720, help="So long.")] = 24,
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """Make a token that lets machines in where nobody can click, and print it, once."""
    from corral.app.commands import cluster as command

    command.invite(_settings(data_dir), uses=uses, hours=hours, as_json=json)


@cluster.command()
def invites(
    revoke: Annotated[str | None, typer.Option(help="End the one of this id.")] = None,
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """List the tokens that let machines in, or end one."""
    from corral.app.commands import cluster as command

    command.list_invites(_settings(data_dir), revoke=revoke, as_json=json)


@cluster.command()
def remove(machine: _Machine, data_dir: _DataDir = None) -> None:
    """Take a machine out, for good: it can't reach the others any more. All sessions end."""
    from corral.app.commands import cluster as command

    command.remove(_settings(data_dir), machine)


@cluster.command()
def leave(data_dir: _DataDir = None) -> None:
    """Take this machine out: it starts anew on its own, with users and keys of its own."""
    from corral.app.commands import cluster as command

    command.leave(_settings(data_dir))


@cluster.command()
def rename(
    name: Annotated[str, typer.Argument(help="Clients then use http://NAME.local.")],
    data_dir: _DataDir = None,
) -> None:
    """Give the cluster another name."""
    from corral.app.commands import cluster as command

    command.rename(_settings(data_dir), name)


@cluster.command()
def handover(
    machine: Annotated[str | None, typer.Argument(help="To whom; else the best placed one.")] = None,
    data_dir: _DataDir = None,
) -> None:
    """Let another machine be the router, without a failed request."""
    from corral.app.commands import cluster as command

    command.hand_over(_settings(data_dir), machine)


@cluster.command()
def settings(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Show the settings that can be the same on every machine."""
    from corral.app.commands import cluster_settings as command

    command.list_settings(_settings(data_dir), as_json=json)


@cluster.command("set", context_settings={"ignore_unknown_options": True})
def set_setting(
    name: Annotated[str, typer.Argument(help="As `corral cluster settings` lists it.")],
    value: Annotated[str, typer.Argument(help="The new value, for every machine.")],
    data_dir: _DataDir = None,
) -> None:
    """Change a setting on every machine, at once."""
    from corral.app.commands import cluster_settings as command

    command.set_setting(_settings(data_dir), name, value)


@cluster.command("unset")
def unset_setting(
    name: Annotated[str, typer.Argument(help="As `corral cluster settings` lists it.")],
    data_dir: _DataDir = None,
) -> None:
    """Let each machine's own setting count again."""
    from corral.app.commands import cluster_settings as command

    command.set_setting(_settings(data_dir), name, None)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

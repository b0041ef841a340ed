"""The commands `corral endpoints …`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

endpoints = typer.Typer(
    help="Servers that are there already (Ollama, vLLM, …), behind the same URL.", invoke_without_command=True
)

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Which = Annotated[str, typer.Argument(help="Its name, URL or id.")]


@endpoints.callback()
def _no_command(context: typer.Context, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_endpoints(data_dir, json)


@endpoints.command("list")
def list_endpoints(data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List the endpoints, and say what is wrong with those that fail."""
    from corral.app.commands import endpoints as command

    command.list_endpoints(_settings(data_dir), as_json=json)


@endpoints.command()
def add(
    url: Annotated[str, typer.Argument(help="Its address, such as http://192.168.1.100:11434.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else its host and port.")] = None,
    api_key_stdin: Annotated[
        bool, typer.Option("--api-key-stdin", help="Read the key that it wants from the input.")
    ] = False,
    type: Annotated[str | None, typer.Option(help="What it is; else it is detected.")] = None,
    interval: Annotated[
        int | None, typer.Option(min=10, max=300, help="Seconds between looks at its health; else 30.")
    ] = None,
    timeout: Annotated[
        int | None, typer.Option(min=1, help="Seconds that it may be silent while it answers; else 120.")
    ] = None,
    weight: Annotated[float | None, typer.Option(help="2: as if it were twice as fast; else 1.")] = None,
    notes: Annotated[str | None, typer.Option(help="For people.")] = None,
    data_dir: _DataDir = None,
    json: _AsJson = False,
) -> None:
    """Add a server: what it is and which models it has is found out."""
    from corral.app.commands import endpoints as command

    wishes = command.EndpointWishes(
        name=name,
        api_key=typer.get_text_stream("stdin").readline().strip() if api_key_stdin else None,
        type=type,
        health_check_interval_secs=interval,
        inference_timeout_secs=timeout,
        weight=weight,
        notes=notes,
    )
    command.add(_settings(data_dir), url, wishes, as_json=json)


@endpoints.command()
def test(which: _Which, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Ask one now whether it answers; ends with 1 if it doesn't."""
    from corral.app.commands import endpoints as command

    command.test(_settings(data_dir), which, as_json=json)


@endpoints.command()
def sync(which: _Which, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Take over its list of models now."""
    from corral.app.commands import endpoints as command

    command.sync(_settings(data_dir), which, as_json=json)


@endpoints.command()
def models(which: _Which, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """List its models."""
    from corral.app.commands import endpoints as command

    command.list_models(_settings(data_dir), which, as_json=json)


@endpoints.command()
def remove(which: _Which, data_dir: _DataDir = None, json: _AsJson = False) -> None:
    """Remove one: it gets no more requests."""
    from corral.app.commands import endpoints as command

    command.remove(_settings(data_dir), which, as_json=json)


def _settings(data_dir: str | None) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of({"data_dir": data_dir})

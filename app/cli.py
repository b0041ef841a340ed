"""The command line. Each command imports what it needs when it runs, so that small ones answer at once."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from corral.app.commands import (
    aliases_cli,
    cloud_cli,
    cluster_cli,
    desktop_cli,
    endpoints_cli,
    peers_cli,
    runtimes_cli,
    settings_cli,
    users_cli,
)
from corral.app.commands.completion import complete_key, complete_model

if TYPE_CHECKING:
    from corral.app.settings_table import Settings

app = typer.Typer(
    help="One private LLM service out of the computers on your LAN. Without a command: serve.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 no node is running.",
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Manage the API keys.", no_args_is_help=True)
app.add_typer(settings_cli.settings, name="settings")
app.add_typer(keys, name="keys")
app.add_typer(users_cli.users, name="users")
app.add_typer(cluster_cli.cluster, name="cluster")
app.add_typer(cloud_cli.cloud, name="cloud")
app.add_typer(peers_cli.peers, name="peers")
app.add_typer(endpoints_cli.endpoints, name="endpoints")
app.add_typer(aliases_cli.aliases, name="aliases")
app.add_typer(runtimes_cli.runtimes, name="runtimes")
desktop_cli.add_to(app)

DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Policy = Literal["quality", "memory", "speed"]
Format = Literal["gguf", "safetensors"]
LogLevel = Literal["debug", "info", "warning", "error"]
Model = Annotated[
    str, typer.Argument(help="A name as `corral list` shows it.", autocompletion=complete_model)
]
KeyId = Annotated[
    str, typer.Argument(help="Its id, as `corral keys list` shows it.", autocompletion=complete_key)
]
RequestsPerMinute = Annotated[int | None, typer.Option(min=0, help="Most requests in a minute; 0: no limit.")]
RequestsPerDay = Annotated[int | None, typer.Option(min=0, help="Most requests in a day (UTC); 0: no limit.")]
TokensPerMinute = Annotated[int | None, typer.Option(min=0, help="Most tokens in a minute; 0: no limit.")]
TokensPerDay = Annotated[int | None, typer.Option(min=0, help="Most tokens in a day (UTC); 0: no limit.")]


@app.callback(invoke_without_command=True)
def _no_command(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if show_version:
        version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[str | None, typer.Option(help="HTTP port.")] = None,
    data_dir: DataDir = None,
    models_dir: Annotated[str | None, typer.Option(help="Folder with model files.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Without an icon in the tray.")] = False,
    set: Annotated[list[str] | None, typer.Option(help="Any other setting, as NAME=VALUE.")] = None,
) -> None:
    """Serve until stopped, with an icon in the tray where there is a display."""
    from corral.app.commands.serve import serve as run

    given = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "models_dir": models_dir,
        "log_level": log_level,
        "tray": "off" if headless else None,
    }
    run(
        _settings(
            {**_pairs(set or []), **{name: value for name, value in given.items() if value is not None}}
        )
    )


@app.command()
def run(
    model: Model,
    prompt: Annotated[str | None, typer.Argument(help="Else what is piped in, else a conversation.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Let a model answer: once, or in a conversation."""
    from corral.app.commands.chat import run_model

    run_model(_settings({"data_dir": data_dir}), model, prompt)


@app.command("list")
def list_models(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the models on this machine."""
    from corral.app.commands import models

    models.list_models(_settings({"data_dir": data_dir}), as_json=json)


@app.command()
def ps(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show the loaded models and what they are doing."""
    from corral.app.commands.models import list_loaded

    list_loaded(_settings({"data_dir": data_dir}), as_json=json)


@app.command()
def load(model: Model, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Load a model now."""
    from corral.app.commands.models import load_model

    load_model(_settings({"data_dir": data_dir}), model, as_json=json)


@app.command()
def unload(model: Model, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Unload a model, when it has become idle."""
    from corral.app.commands.models import unload_model

    unload_model(_settings({"data_dir": data_dir}), model, as_json=json)


@app.command()
def pull(
    model: Annotated[
        str,
        typer.Argument(help="A name as GET /v1/models shows it; else ORG/MODEL or a URL of the model hub."),
    ],
    quant: Annotated[
        str | None, typer.Option("--quant", help="Of several: this quantisation, as Q4_K_M.")
    ] = None,
    policy: Annotated[Policy | None, typer.Option(help="Of several: the best one for that.")] = None,
    file: Annotated[str | None, typer.Option("--file", help="Of several: this file.")] = None,
    format: Annotated[Format | None, typer.Option(help="Where a repository has both.")] = None,
    to: Annotated[
        str | None, typer.Option(help="The machine that should get it: name or id; else this one.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show how it goes until it is there; Ctrl+C stops it.")
    ] = True,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it, and remove what has come.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Get a model: from the other machines of the cluster that have it, else from the model hub."""
    from corral.app.commands import pull as command

    settings = _settings({"data_dir": data_dir})
    if cancel:
        command.cancel(settings, model, to=to, as_json=json)
        return
    choice = command.Choice(quantization=quant, policy=policy, filename=file, format=format)
    command.pull(settings, model, choice=choice, to=to, wait=wait, as_json=json)


@app.command()
def rm(
    model: Model,
    node: Annotated[
        str | None, typer.Option("--from", help="Only from this machine: name or id; else from all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Remove a model's files, never while it answers."""
    from corral.app.commands import pull as command

    def sure(question: str) -> bool:
        return yes or typer.confirm(question)

    command.remove(_settings({"data_dir": data_dir}), model, node=node, as_json=json, sure=sure)


@app.command()
def status(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show whether a node is running, where and since when."""
    from corral.app.commands.life import show_status

    show_status(_settings({"data_dir": data_dir}), as_json=json)


@app.command()
def stop(data_dir: DataDir = None) -> None:
    """Stop the node after the running answers, and wait for it."""
    from corral.app.commands import life

    life.stop(_settings({"data_dir": data_dir}))


@app.command()
def doctor(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Look for what is wrong on this machine, and say what to do; ends with 1 if something doesn't work."""
    from corral.app.commands.doctor import show_findings
    from corral.app.commands.errors import FAILED

    if not show_findings(data_dir=data_dir, as_json=json):
        raise typer.Exit(FAILED)


@app.command()
def logs(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new entries as they come.")
    ] = False,
    count: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of the newest.")] = 100,
    level: Annotated[
        LogLevel | None, typer.Option("--level", help="Only entries of this level and more serious ones.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="Only entries of this request.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show the log, newest entries last; works without a running node too."""
    from corral.app.commands.logs import show_logs
    from corral.app.log_reader import Wanted

    wanted = Wanted(level=level, request_id=request_id)
    show_logs(_settings({"data_dir": data_dir}), wanted, count=count, follow=follow, as_json=json)


@app.command()
def history(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new requests as they end.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="So many of the latest.")] = 25,
    model: Annotated[str | None, typer.Option(help="Only this model, as the client wrote it.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this key or user: name or id.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="404, 4xx, ok, refused, failed, cancelled, or error (refused or failed)."),
    ] = None,
    words: Annotated[
        str | None, typer.Option("-q", "--words", help="Words of the request or its answer.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what was asked of this node, the latest last."""
    from corral.app.commands import history as command

    wanted = command.Wanted(model=model, user=user, status=status, words=words, limit=limit)
    command.show_history(_settings({"data_dir": data_dir}), wanted, follow=follow, as_json=json)


@keys.command("list")
def list_keys(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the API keys; none can be shown again."""
    from corral.app.commands import keys as command

    command.list_keys(_settings({"data_dir": data_dir}), as_json=json)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it opens: api (default), endpoints, runtime, admin; may be repeated."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="So long it is valid.")] = None,
    requests_per_minute: RequestsPerMinute = None,
    requests_per_day: RequestsPerDay = None,
    tokens_per_minute: TokensPerMinute = None,
    tokens_per_day: TokensPerDay = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Make an API key and print it, once."""
    from corral.app.commands import keys as command

    wishes = command.KeyWishes(
        name=name,
        scopes=scope or ["api"],
        days=days,
        requests_per_minute=requests_per_minute,
        requests_per_day=requests_per_day,
        tokens_per_minute=tokens_per_minute,
        tokens_per_day=tokens_per_day,
    )
    command.create_key(_settings({"data_dir": data_dir}), wishes, as_json=json)


@keys.command("update")
def update_key(
    id: KeyId,
    name: Annotated[str | None, typer.Option(help="Who or what it is for.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it opens, instead of what it opened; may be repeated."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="So long from now it is valid; 0: without end.")
    ] = None,
    requests_per_minute: RequestsPerMinute = None,
    requests_per_day: RequestsPerDay = None,
    tokens_per_minute: TokensPerMinute = None,
    tokens_per_day: TokensPerDay = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Change an API key at once; what isn't named stays as it is."""
    from corral.app.commands import keys as command

    wishes = command.KeyWishes(
        name=name,
        scopes=scope,
        days=days,
        requests_per_minute=requests_per_minute,
        requests_per_day=requests_per_day,
        tokens_per_minute=tokens_per_minute,
        tokens_per_day=tokens_per_day,
    )
    command.update_key(_settings({"data_dir": data_dir}), id, wishes, as_json=json)


@keys.command("revoke")
def revoke_key(
    id: KeyId,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """End an API key at once."""
    from corral.app.commands import keys as command

    command.revoke_key(_settings({"data_dir": data_dir}), id, as_json=json)


@app.command()
def version(json: AsJson = False) -> None:
    """Show the version."""
    from corral.app.version import program_version

    print(f'{{"version": "{program_version()}"}}' if json else program_version())


def main() -> None:
    """Entry point of the program `corral`."""
    from corral.app.commands.errors import FAILED, CommandError
    from corral.app.commands.streams import drop_output, prepare_streams

    prepare_streams()
    try:
        app()
    except CommandError as error:
        print(f"corral: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has seen enough
        drop_output()
        sys.exit(0)
    except OSError as error:  # most likely the output can't be written
        print(f"corral: {error}", file=sys.stderr)
        drop_output()
        sys.exit(FAILED)


def _settings(arguments: Mapping[str, object]) -> "Settings":
    from corral.app.commands.given_settings import settings_of

    return settings_of(arguments)


def _pairs(texts: list[str]) -> dict[str, str]:
    from corral.app.commands.errors import WrongSetting
    from corral.app.settings_table import TABLE

    known = {row.name for row in TABLE}
    pairs = dict(text.partition("=")[::2] for text in texts)
    for name in pairs:
        if name not in known:
            raise WrongSetting(f"there is no setting {name!r}; `corral settings` lists them")
    return pairs


if __name__ == "__main__":
    main()

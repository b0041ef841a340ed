"""Commands for people at the machine's screen."""

from typing import Annotated

import typer

DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Make them commands of `corral`."""
    app.command("open")(open_dashboard)
    app.command()(pause)
    app.command()(resume)


def open_dashboard(
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or only print its URL.")
    ] = True,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Open the dashboard in the browser, signed in."""
    from corral.app.commands.desktop import open_dashboard as run
    from corral.app.commands.given_settings import settings_of

    run(settings_of({"data_dir": data_dir}), browser=browser, as_json=json)


def pause(data_dir: DataDir = None) -> None:
    """Let other machines of the cluster do without this one, until `corral resume` or its next start."""
    _set_paused(data_dir, paused=True)


def resume(data_dir: DataDir = None) -> None:
    """Let this machine work for the others again."""
    _set_paused(data_dir, paused=False)


def _set_paused(data_dir: str | None, *, paused: bool) -> None:
    from corral.app.commands.desktop import set_paused
    from corral.app.commands.given_settings import settings_of

    set_paused(settings_of({"data_dir": data_dir}), paused=paused)

"""Commands for people at the machine's screen."""

from typing import Annotated

import typer

DataDir = Annotated[str | None, typer.Option("--data-dir", help="The node's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Make them commands of `corral`."""
    app.command("open")(open_dashboard)


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

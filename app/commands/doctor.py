"""`corral doctor`: what is wrong on this machine, and what to do."""

import os
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from corral.app.commands.errors import WrongSetting
from corral.app.commands.screen import printable, show_json
from corral.app.doctor.examination import examine
from corral.app.doctor.finding import Finding, Level
from corral.app.settings import SettingsError

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_LEVEL_WIDTH, _CHECK_WIDTH = 8, 14


def show_findings(*, data_dir: str | None, as_json: bool) -> bool:
    """Show what was found, each finding as it comes; whether there is no problem."""
    found = []
    console = Console(soft_wrap=True, highlight=False)
    try:
        for finding in examine(arguments={"data_dir": data_dir}, environ=os.environ):
            found.append(finding)
            if not as_json:
                console.print(_line(finding))
    except SettingsError as error:
        raise WrongSetting(str(error)) from error
    well = all(finding.level is not Level.PROBLEM for finding in found)
    if as_json:
        show_json({"ok": well, "findings": [asdict(finding) for finding in found]})
    return well


def _line(finding: Finding) -> Text:
    line = Text(f"{finding.level.value:<{_LEVEL_WIDTH}}", style=_STYLES[finding.level])
    line.append(f"{finding.check:<{_CHECK_WIDTH}}", style="bold")
    line.append(printable(finding.what), style="none")
    if finding.remedy:
        line.append(f"\n{' ' * (_LEVEL_WIDTH + _CHECK_WIDTH)}{printable(finding.remedy)}", style="none")
    return line

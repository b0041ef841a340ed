"""Whether the clock is right, as far as the node's own files tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corral.app.commands.screen import duration
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.log_files import list_files
from corral.app.paths import DataDir

_SLACK_S = 60.0
_WRITTEN_AT = 1_767_225_600.0  # 2026-01-01: this program is no older


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """Times in Unix seconds."""

    now: float
    newest: float | None = None  # when the newest of the node's files was written


def gather_clock(folder: DataDir, log_dir: Path, *, now: float) -> ClockFacts:
    """Look at the database and the newest log."""
    logs = [log_dir / file.name.file_name for file in list_files(log_dir)[-1:]]
    return ClockFacts(now=now, newest=max(_times([folder.database, folder.run_file, *logs]), default=None))


def judge_clock(facts: ClockFacts) -> list[Finding]:
    """One finding."""
    remedy = "Set the clock, and let the system keep it (NTP)."
    if facts.now < _WRITTEN_AT:
        return [problem("clock", "this machine's clock is years behind", remedy)]
    if facts.newest is not None and facts.newest - facts.now > _SLACK_S:
        ahead = duration(facts.newest - facts.now)
        return [
            warning("clock", f"the node's files come from {ahead} in the future: the clock jumped", remedy)
        ]
    return [ok("clock", "fits the node's files")]


def _times(paths: Iterable[Path]) -> Iterable[float]:
    for path in paths:
        try:
            yield path.stat().st_mtime
        except OSError:
            continue

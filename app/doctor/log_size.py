"""Whether the logs stay within their limit."""

from dataclasses import dataclass
from pathlib import Path

from corral.app.commands.screen import size
from corral.app.doctor.finding import Finding, ok, warning
from corral.app.log_files import list_files

_SLACK = 1.2  # the last file grows until it is full


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """The log files together."""

    files: int
    size_bytes: int
    max_bytes: int


def gather_logs(folder: Path, *, max_bytes: int) -> LogFacts:
    """Look at the folder."""
    files = list_files(folder)
    return LogFacts(files=len(files), size_bytes=sum(file.size_bytes for file in files), max_bytes=max_bytes)


def judge_logs(facts: LogFacts) -> list[Finding]:
    """One finding."""
    what = f"{facts.files} files, {size(facts.size_bytes)}"
    if facts.size_bytes > facts.max_bytes * _SLACK:
        remedy = "The next start of the node deletes the oldest."
        return [warning("logs", f"{what}: more than log_max_bytes ({size(facts.max_bytes)})", remedy)]
    return [ok("logs", what)]

"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, but not as well as it could
    PROBLEM = "problem"  # something doesn't work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report. `remedy` says what to do, unless all is well."""

    check: str
    level: Level
    what: str
    remedy: str = ""


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, what=what)


def warning(check: str, what: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(check=check, level=Level.WARNING, what=what, remedy=remedy)


def problem(check: str, what: str, remedy: str) -> Finding:
    """Something doesn't work."""
    return Finding(check=check, level=Level.PROBLEM, what=what, remedy=remedy)

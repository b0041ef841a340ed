"""When to try again to reach a member. Pure."""

from typing import Final

FIRST_S: Final = (
    0.1  # a refused connection is tried again so soon: refused twice means that no process is there
)
LONGEST_S: Final = 5.0
_DOUBLINGS = 8


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row."""
    return float(min(LONGEST_S, FIRST_S * 2 ** min(max(failures - 1, 0), _DOUBLINGS)))

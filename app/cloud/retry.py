"""Whether and when to ask a provider once more. Pure."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MOST_ATTEMPTS = 3
LONGEST_PAUSE_S = 8.0  # a provider that wants more patience has its answer passed on
_FIRST_PAUSE_S = 0.5
_JITTER = 0.25  # of the pause, both ways
_PASSING = frozenset({408, 429, 500, 502, 503, 504, 529})  # statuses that may be over in a moment
_NO_CONNECTION = 0


def pause_s(
    *, attempt: int, status: int, headers: Mapping[str, str], random: float, now: float
) -> float | None:
    """How long to wait before the next attempt; None: this was the last. `attempt` counts from 1, `status` 0 means
    that there was no answer, `random` is from 0 to 1, `now` Unix time."""
    passing = status == _NO_CONNECTION or status in _PASSING
    if attempt >= MOST_ATTEMPTS or not passing or headers.get("x-should-retry") == "false":
        return None
    wanted = retry_after_s(headers, now=now)
    if wanted is not None:
        return wanted if wanted <= LONGEST_PAUSE_S else None
    own: float = _FIRST_PAUSE_S * 2 ** (attempt - 1)
    return min(LONGEST_PAUSE_S, own * (1 + _JITTER * (2 * random - 1)))


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """What a provider says about when to come back, in whatever form; None: nothing that can be read."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    return _until(text, now) if seconds is None else seconds


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(text: str, now: float) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)

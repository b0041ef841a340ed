"""Points in time as they stand in requests and answers: RFC 3339, in UTC. Pure."""

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def rfc3339(unix_s: float) -> str:
    """Unix time in seconds as text, to the millisecond: `2026-01-31T12:00:00.000Z`."""
    text = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def unix_time(text: str) -> float:
    """Unix time in seconds. Raises ValueError if the text is no RFC 3339 time."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError("names a time that does not exist") from error

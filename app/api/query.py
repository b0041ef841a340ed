"""Reading the parameters of a URL's query. Raises InvalidRequest, naming the parameter."""

from collections.abc import Collection, Mapping

from corral.app.times import unix_time
from corral.engines.errors import InvalidRequest


def text(query: Mapping[str, str], name: str) -> str | None:
    """A text; None if it is missing or empty."""
    return query.get(name, "").strip() or None


def whole_number(
    query: Mapping[str, str], name: str, *, default: int, low: int, high: int | None = None
) -> int:
    """A whole number within limits, both included."""
    given = text(query, name)
    if given is None:
        return default
    limits = f"at least {low}" if high is None else f"from {low} to {high}"
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise InvalidRequest(f"`{name}` must be a whole number {limits}", param=name)
    number = int(given)
    if number < low or (high is not None and number > high):
        raise InvalidRequest(f"`{name}` must be a whole number {limits}", param=name)
    return number


def choice(query: Mapping[str, str], name: str, allowed: Collection[str]) -> str | None:
    """One of some words; None if it is missing."""
    given = text(query, name)
    if given is not None and given not in allowed:
        raise InvalidRequest(f"`{name}` must be one of: {', '.join(sorted(allowed))}", param=name)
    return given


def moment(query: Mapping[str, str], name: str) -> float | None:
    """An RFC 3339 time as Unix time in seconds; None if it is missing."""
    given = text(query, name)
    if given is None:
        return None
    try:
        return unix_time(given)
    except ValueError as error:
        raise InvalidRequest(f"`{name}` must be a time such as 2026-01-31T13:00:00Z", param=name) from error

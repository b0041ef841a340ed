"""The header `Range` of a request for bytes (RFC 9110 §14): one range. Pure."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*")


class NotSatisfiable(ValueError):
    """The range lies behind the end."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, but without, `end`."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start

    def content_range(self, whole_bytes: int) -> str:
        """The header of an answer with it."""
        return f"bytes {self.start}-{self.end - 1}/{whole_bytes}"


def wanted_span(header: str | None, whole_bytes: int) -> Span | None:
    """What is asked for; None: all, as also for headers that are not understood. Raises NotSatisfiable."""
    match = _ONE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), whole_bytes)
        if not length:
            raise NotSatisfiable
        return Span(whole_bytes - length, whole_bytes)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= whole_bytes:
        raise NotSatisfiable
    return Span(start, min(int(last) + 1, whole_bytes) if last else whole_bytes)

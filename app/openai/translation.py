"""What one inference request becomes: a request for an engine, and writers for its answer."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from corral.engines.events import Event
from corral.engines.requests import Request


class StreamWriter(Protocol):
    """Engine events → server-sent events. `Done` writes the end of the stream, `[DONE]` included."""

    def write(self, event: Event) -> bytes:
        """The bytes for one event; none for an event that clients don't see."""


class DocumentWriter(Protocol):
    """Engine events → one JSON document."""

    def add(self, event: Event) -> None: ...

    def document(self) -> bytes:
        """Call after `Done`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """`stream` is there if the client asked for one. Several requests answer as one, their choices in a row."""

    requests: tuple[Request, ...] = ()
    choices_each: int = 1
    document: Callable[[], DocumentWriter]
    stream: Callable[[], StreamWriter] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """What every part of one answer repeats."""

    id: str
    created: int  # Unix time, seconds
    model: str


def new_id(prefix: str) -> str:
    """E.g. `chatcmpl-` + 32 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(16)}"

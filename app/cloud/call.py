"""What a translation gives: the request to a provider, and readers for its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from corral.app.openai.translation import Translation
from corral.engines.errors import InvalidRequest
from corral.engines.events import Event

Json = Mapping[str, Any]


class AnswerReader(Protocol):
    """A provider's answer → events, ended by Done. Its methods raise EngineError for what is no answer."""

    def document(self, json: Json) -> list[Event]:
        """Of the whole answer."""

    def event(self, json: Json) -> list[Event]:
        """Of one event of a stream."""

    def end(self) -> list[Event]:
        """The stream is over. Raises AnswerCutOff if it can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCall:
    """One request to a provider. `answer` says how the client gets to see it, `streamed` how the provider answers."""

    path: str  # behind the base URL, with its query
    body: Json
    streamed: bool
    reader: AnswerReader
    answer: Translation


def refuse(body: object, fields: Sequence[str], title: str) -> None:
    """Raises InvalidRequest for the first of `fields` that is set: this provider has nothing like it."""
    for name in fields:
        if getattr(body, name) not in (None, False, {}, 0):
            raise InvalidRequest(f"models of {title} have no `{name}`; leave it out", param=name)

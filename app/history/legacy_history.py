"""The history that llmlb kept in `request_history.json`, taken over once. Of a broken file nothing is taken."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import structlog

from corral.app.gateway.endpoint import Client
from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.gateway.trace import Trace
from corral.app.history.recorder import Recorder
from corral.app.ids import new_id
from corral.app.store.history import History
from corral.app.times import unix_time

_AT_A_TIME = 200  # records in memory
_READ_CHARACTERS = 64 * 1024
_MOST_CHARACTERS = 64 * 1024 * 1024  # of one record
_PATHS = {
    "chat": "/v1/chat/completions",
    "generate": "/v1/completions",
    "embeddings": "/v1/embeddings",
}
_MACHINES = ("runtime_machine_name", "node_machine_name", "agent_machine_name")
_LOG = structlog.get_logger(__name__)


class BrokenHistory(ValueError):
    """The file is no list of records."""


class LegacyHistory:
    """`take_over` is all."""

    def __init__(self, path: Path, *, recorder: Recorder, history: History) -> None:
        self._path = path
        self._recorder = recorder
        self._history = history

    async def take_over(self, *, not_before: float) -> None:
        """Record what the file has since `not_before` (Unix time), then rename it: it ends with `.migrated`.

        It is left as it is if it is broken, or if nothing can be recorded now.
        """
        if not await asyncio.to_thread(self._path.is_file):
            return
        try:
            await asyncio.to_thread(_read_through, self._path)
        except (BrokenHistory, OSError) as error:
            _LOG.error(
                "the history of the earlier program can't be read, and is left as it is",
                file=self._path.name,
                error=str(error),
            )
            return
        taken = await self._record(not_before)
        if taken is None:
            _LOG.warning("the history of the earlier program waits: nothing can be recorded now")
            return
        await asyncio.to_thread(self._path.rename, self._path.with_name(f"{self._path.name}.migrated"))
        _LOG.info("took over the history of the earlier program", requests=taken)

    async def _record(self, not_before: float) -> int | None:
        """How many were recorded; None: it could not be done."""
        taken = 0
        records = (legacy_record(each) for each in entries(self._path))
        while batch := await asyncio.to_thread(lambda: list(islice(records, _AT_A_TIME))):
            for record in batch:
                known = record.started_at < not_before or await self._history.find(record.id) is not None
                if not known:
                    self._recorder.put(record)
                    taken += 1
            await self._recorder.flush()
            if self._recorder.status.paused:
                return None
        return taken


def entries(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON list, one after the other, whatever the size of the file. Raises BrokenHistory, OSError."""
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8", errors="strict") as file:
        rest = _Rest(file.read)
        rest.take("[")
        if rest.peek() == "]":
            rest.take("]")
        else:
            while True:
                yield rest.object(decoder)
                if rest.peek() == "]":
                    rest.take("]")
                    break
                rest.take(",")
        if rest.peek():
            raise BrokenHistory("something stands after the list")


class _Rest:
    """What of a text has not been looked at."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise BrokenHistory(f"there is no {wanted!r} where one should be")
        self._at += 1

    def object(self, decoder: json.JSONDecoder) -> Mapping[str, Any]:
        if self.peek() != "{":
            raise BrokenHistory("an entry is no object")
        while True:
            try:
                found, self._at = decoder.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self._text) - self._at > _MOST_CHARACTERS or not self._more():
                    raise BrokenHistory(f"an entry can't be read: {error}") from error
            else:
                document: Mapping[str, Any] = found
                return document

    def _more(self) -> bool:
        """Twice as much as is there, so that long entries aren't begun anew too often."""
        try:
            piece = self._read(max(_READ_CHARACTERS, len(self._text) - self._at))
        except UnicodeDecodeError as error:
            raise BrokenHistory("it is no text in UTF-8") from error
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)


def legacy_record(entry: Mapping[str, Any]) -> RequestRecord:
    """As the recorder takes it. Raises BrokenHistory."""
    try:
        started_at = unix_time(str(entry["timestamp"]))
        duration_s = float(entry["duration_ms"]) / 1000
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenHistory(f"an entry has no usable `timestamp` or `duration_ms`: {error}") from error
    failed = _failed(entry.get("status"))
    machine = next((str(entry[name]) for name in _MACHINES if entry.get(name)), None)
    answer = _bytes(entry.get("response_body"))
    id = entry.get("id")
    return RequestRecord(
        id=id if isinstance(id, str) and 0 < len(id) <= 64 else new_id(started_at),
        request_id=str(id)[:64],
        started_at=started_at,
        method="POST",
        path=_PATHS.get(str(entry.get("request_type")).lower(), _PATHS["chat"]),
        client=Client(address=str(entry.get("client_ip") or "")[:64]),
        trace=Trace(
            endpoint_name=machine, node_name=machine, error_code="endpoint_failed" if failed else None
        ),
        model=str(entry.get("model") or "")[:500],
        status=502 if failed else 200,
        content_type="application/json",
        request_body=_bytes(entry.get("request_body")),
        answer=[answer],
        answer_bytes=len(answer),
        outcome=Outcome.FAILED if failed else Outcome.OK,
        duration_s=max(0.0, duration_s),
    )


def _read_through(path: Path) -> None:
    """Raises BrokenHistory, OSError."""
    for entry in entries(path):
        legacy_record(entry)


def _failed(status: object) -> bool:
    kind = status.get("type") if isinstance(status, dict) else status
    return str(kind).lower() != "success"


def _bytes(document: object) -> bytes:
    return b"" if document is None else orjson.dumps(document)

"""Reading this node's log, and changing how much goes into it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog
from pydantic import ConfigDict

from corral.app.api.answers import Open
from corral.app.api.call import Call, json_answer
from corral.app.api.query import choice, moment, text, whole_number
from corral.app.api.route import Query, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.json_shape import JsonShape
from corral.app.log_reader import Wanted, newest, timestamp_of
from corral.app.logs import LEVELS
from corral.app.openai.validation import validated

_MOST = 5000
_LOG = structlog.get_logger(__name__)


WANTED = (
    Query(
        name="level",
        description="Only entries of this level and more serious ones.",
        schema={"type": "string", "enum": list(LEVELS)},
    ),
    Query(name="request_id", description="Only entries of the request with this id."),
    Query(name="since", description="Only entries that were not made before this RFC 3339 time."),
)


class LogControl(Protocol):
    """What this needs of `logs.Logs`."""

    folder: Path

    @property
    def level(self) -> str: ...

    def set_level(self, level: str) -> None: ...


class LogLevel(JsonShape):
    """How much is logged: this level and what is more serious. Forgotten at the next start."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: Literal["debug", "info", "warning", "error"]


class LogEntry(Open):
    """What else an entry has depends on its event; the id of a request is its `request_id`."""

    event: str
    timestamp: str
    level: str
    logger: str


class LogEntries(Open):
    """The newest entry comes last."""

    entries: list[LogEntry]
    total: int


class LogRoutes:
    """Handlers of /v0/dashboard/logs and /log/level."""

    def __init__(self, *, logs: LogControl) -> None:
        self._logs = logs

    async def list(self, call: Call) -> GatewayResponse:
        limit = whole_number(call.query, "limit", default=200, low=1, high=_MOST)
        wanted = wanted_of(call)
        entries = await asyncio.to_thread(newest, self._logs.folder, limit, wanted)
        return json_answer({"entries": [_complete(entry) for entry in entries], "total": len(entries)})

    async def level(self, call: Call) -> GatewayResponse:
        return json_answer({"level": self._logs.level})

    async def set_level(self, call: Call) -> GatewayResponse:
        wanted, before = validated(LogLevel, call.json).level, self._logs.level
        self._logs.set_level(wanted)
        call.details["level"] = wanted
        _LOG.warning("log level changed", before=before, after=wanted)
        return json_answer({"level": wanted})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path="/v0/dashboard/logs/router",
                handler=self.list,
                summary="This node's log, newest entries last",
                access=MANAGEMENT,
                answer=LogEntries,
                node_local=True,
                queries=(
                    Query(
                        name="limit",
                        description="How many entries.",
                        schema={"type": "integer", "minimum": 1, "maximum": _MOST, "default": 200},
                    ),
                    *WANTED,
                ),
            ),
            Route(
                method="GET",
                path="/log/level",
                handler=self.level,
                summary="How much is logged",
                access=MANAGEMENT,
                answer=LogLevel,
                node_local=True,
            ),
            Route(
                method="POST",
                path="/log/level",
                handler=self.set_level,
                summary="Change how much is logged, until the next start",
                access=MANAGEMENT,
                body=LogLevel,
                answer=LogLevel,
                node_local=True,
            ),
        ]


def wanted_of(call: Call) -> Wanted:
    """Which entries a query asks for. Raises InvalidRequest."""
    since = moment(call.query, "since")
    return Wanted(
        level=choice(call.query, "level", LEVELS),
        request_id=text(call.query, "request_id"),
        since=None if since is None else timestamp_of(since),
    )


def _complete(entry: Any) -> dict[str, Any]:
    return {"timestamp": "", "level": "", "logger": "", **entry}

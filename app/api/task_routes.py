"""Showing this node's long-lived tasks."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from corral.app.api.answers import Open
from corral.app.api.call import Call, json_answer
from corral.app.api.route import Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.secrets_mask import masked_text
from corral.app.supervisor import TaskStatus
from corral.app.times import rfc3339

_PATH = re.compile(r"""(?<![\w:/.~])(?:~|[A-Za-z]:)?[/\\][^\s'"/\\:,;)]+(?:[/\\][^\s'",:;)]*)?""")
_LONGEST = 500


class Task(Open):
    """A task that failed is `waiting` to be started again. `failures` counts those in a row."""

    name: str
    state: Literal["running", "waiting", "ended"]
    failures: int
    last_error: str | None
    failed_at: str | None


class Tasks(Open):
    tasks: list[Task]
    total: int


class TaskRoutes:
    """Handler of /v0/node/tasks."""

    def __init__(
        self,
        *,
        statuses: Callable[[], Sequence[TaskStatus]],
        now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` gives Unix time; `clock` is that of the statuses."""
        self._statuses = statuses
        self._now = now
        self._clock = clock

    async def list(self, call: Call) -> GatewayResponse:
        began = self._now() - self._clock()
        tasks = [_document(status, began) for status in self._statuses()]
        return json_answer({"tasks": tasks, "total": len(tasks)})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path="/v0/node/tasks",
                handler=self.list,
                summary="This node's long-lived tasks, and what went wrong with them",
                access=MANAGEMENT,
                answer=Tasks,
                node_local=True,
            )
        ]


def without_places(text: str) -> str:
    """An error's text without secrets and without what names places on this machine."""
    return _PATH.sub("…", masked_text(text))[:_LONGEST]


def _document(status: TaskStatus, began: float) -> dict[str, Any]:
    return {
        "name": status.name,
        "state": status.state.value,
        "failures": status.failures,
        "last_error": None if status.last_error is None else without_places(status.last_error),
        "failed_at": None if status.failed_at is None else rfc3339(began + status.failed_at),
    }

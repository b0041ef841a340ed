"""The node's tasks over HTTP."""

import time
from pathlib import Path

import pytest

from corral.app.api.task_routes import without_places
from corral.app.supervisor import TaskState, TaskStatus
from corral.app.times import unix_time
from tests.app.api.serving import ADMIN_KEY, NOW, serving

FAILED_S_AGO = 60.0


async def test_tasks_with_their_errors(tmp_path: Path) -> None:
    tasks = (
        TaskStatus(name="purge"),
        TaskStatus(
            name="sync",
            state=TaskState.WAITING,
            failures=3,
            last_error=f"OSError: [Errno 28] No space left on device: '/home/ann/corral.db', sk_{'a' * 32}",
            failed_at=time.monotonic() - FAILED_S_AGO,
        ),
    )
    async with serving(tmp_path, tasks=tasks) as node, node.http(ADMIN_KEY) as client:
        answer = (await client.get("/v0/node/tasks")).json()
    assert answer["total"] == 2
    fine, failed = answer["tasks"]
    assert fine == {"name": "purge", "state": "running", "failures": 0, "last_error": None, "failed_at": None}
    assert unix_time(failed.pop("failed_at")) <= NOW - FAILED_S_AGO + 1
    assert failed == {
        "name": "sync",
        "state": "waiting",
        "failures": 3,
        "last_error": "OSError: [Errno 28] No space left on device: '…', sk_***",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ValueError: 3 / 4 is odd", "ValueError: 3 / 4 is odd"),
        ("can't read /var/lib/x/y.db: gone", "can't read …: gone"),
        ("open(~/corral/config.toml)", "open(…)"),
        (r"open('C:\Users\ann\x.db')", "open('…')"),
        ("GET /v1 failed", "GET … failed"),
        ("GET http://host:80/v1/models failed", "GET http://host:80/v1/models failed"),
        ("read/write error", "read/write error"),
        ("x" * 900, "x" * 500),
    ],
)
def test_what_names_places_is_left_out(text: str, shown: str) -> None:
    assert without_places(text) == shown

"""A node that finds the history of llmlb in its data folder."""

import json
import time
from pathlib import Path

from corral.app.times import rfc3339
from tests.acceptance.node import Node

DEADLINE_S = 30.0


def test_the_history_of_an_earlier_program_is_taken_over_at_the_start(tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    old = {
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "timestamp": rfc3339(time.time() - 3600),
        "request_type": "chat",
        "model": "gpt-oss-20b",
        "request_body": {"messages": [{"role": "user", "content": "an old question"}]},
        "response_body": {"choices": []},
        "duration_ms": 20,
        "status": {"type": "success"},
    }
    (home / "request_history.json").write_text(json.dumps([old]))
    node = Node(home, models=tmp_path)
    try:
        node.wait_until_ready()
        deadline = time.monotonic() + DEADLINE_S
        while not (home / "request_history.json.migrated").exists():
            assert time.monotonic() < deadline, node.output()
            time.sleep(0.05)
        with node.client() as client:
            listed = client.get("/v0/dashboard/request-responses", params={"q": "old question"}).json()
        assert listed["total"] == 1 and not (home / "request_history.json").exists()
    finally:
        node.stop()

"""Every route against its own document: whatever is sent, nothing breaks and the document stays true."""

import asyncio
import sys
from pathlib import Path

from tests.app.api.serving import ADMIN_KEY, serving
from tests.engines.echo_files import write_echo
from tests.fakes.hub_server import hub_server

EXAMPLES = 5
# The document can't say every rule (e.g. `top_logprobs` needs `logprobs`), so what it allows may be refused.
NOT_CHECKED = "positive_data_acceptance"
ENDLESS = "/v0/events"  # a stream without an end: tests/app/api/test_events.py has it
PASSED_ON = "/v0/endpoints/{id}/sync"  # says 503 where nothing answers: tests/app/endpoints has it


async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with hub_server() as hub, serving(tmp_path, hub_url=hub.url) as node:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{node.url}/openapi.json",
            f"--header=Authorization: Bearer {ADMIN_KEY}",
            f"--max-examples={EXAMPLES}",
            f"--exclude-checks={NOT_CHECKED}",
            f"--exclude-path={ENDLESS}",
            f"--exclude-path={PASSED_ON}",
            "--seed=1",
            "--generation-deterministic",
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-5000:]

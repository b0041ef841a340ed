"""Writes the types of the HTTP API that the page uses: webui/src/api/schema.d.ts, from /openapi.json."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.app.api.serving import serving

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "webui" / "src" / "api" / "schema.d.ts"


def write_types(into: Path) -> None:
    """The types of the API as the code has it now."""
    with tempfile.TemporaryDirectory() as name:
        document = Path(name) / "openapi.json"
        document.write_bytes(asyncio.run(_document(Path(name))))
        _tool("openapi-typescript", str(document), "--output", str(into))


async def _document(folder: Path) -> bytes:
    async with serving(folder) as node, httpx.AsyncClient() as http:
        return (await http.get(f"{node.url}/openapi.json")).content


def _tool(*command: str) -> None:
    program = ROOT / "packaging" / "page_build.py"
    finished = subprocess.run(
        [sys.executable, program, *command], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


if __name__ == "__main__":
    write_types(SCHEMA)

"""A fake Ollama for all to reach, until it is ended: `python -m tests.fakes.standing PORT`."""

import asyncio
import sys

from tests.fakes.ollama_server import FakeOllama


async def main() -> None:
    """Listen at every address."""
    server = FakeOllama()
    server.host, server.port = "0.0.0.0", int(sys.argv[1])
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

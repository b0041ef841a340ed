"""A runtime that talks to a node, and the node's own watch over it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.app.api.serving import ADMIN_KEY, Serving, serving

DEADLINE_S = 20.0


@dataclass(kw_only=True)
class Clock:
    """Time that only a test moves."""

    at: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


@dataclass(kw_only=True)
class Node:
    """The node, asked as a runtime and as an administrator."""

    serving: Serving
    key: str
    clock: Clock
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.AsyncClient(base_url=self.serving.url, timeout=60)

    async def register(self, port: int, **changes: Any) -> httpx.Response:
        """Of a runtime on this machine whose API is at `port`."""
        body = {
            "machine_name": "alpha",
            "ip_address": "127.0.0.1",
            "runtime_version": "0.1.0",
            "runtime_port": port - 1,
            "gpu_available": True,
            "gpu_devices": [{"model": "RTX 4090", "count": 2}],
        }
        return await self.ask("POST", "/v0/runtimes", json=body | changes, key=self.key)

    async def registered(self, port: int, **changes: Any) -> "Runtime":
        """The same, which must work."""
        answer = await self.register(port, **changes)
        assert answer.status_code in (200, 201), answer.text
        document = answer.json()
        return Runtime(node=self, id=document["runtime_id"], token=document["runtime_token"])

    async def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = ADMIN_KEY,
        token: str | None = None,
        json: Any = None,
    ) -> httpx.Response:
        """As the administrator, unless another key is named."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        if token is not None:
            headers["x-runtime-token"] = token
        return await self.http.request(method, path, headers=headers, json=json)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Return when it holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not await condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.01)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One that registered."""

    node: Node
    id: str
    token: str

    async def beat(self, **changes: Any) -> httpx.Response:
        """A heartbeat."""
        body = {
            "runtime_id": self.id,
            "cpu_usage": 10.0,
            "memory_usage": 20.0,
            "active_requests": 0,
        } | changes
        return await self.node.ask("POST", "/v0/health", key=self.node.key, token=self.token, json=body)

    async def shown(self) -> dict[str, Any]:
        """As the dashboard has it."""
        listed = (await self.node.ask("GET", "/v0/runtimes")).json()["runtimes"]
        return next(each for each in listed if each["id"] == self.id)

    async def until(self, status: str) -> dict[str, Any]:
        """How it is shown once it has this status."""

        async def reached() -> bool:
            return bool((await self.shown())["status"] == status)

        await self.node.until(reached)
        return await self.shown()


@asynccontextmanager
async def watching(folder: Path, **options: Any) -> AsyncIterator[Node]:
    """A node that watches its runtimes, by a clock that stands."""
    clock = Clock()
    async with serving(folder, now=clock, **options) as side:
        watch = asyncio.create_task(side.runtimes.watch.run())
        node = Node(serving=side, key=await side.key_with({"runtime"}), clock=clock)
        try:
            yield node
        finally:
            await node.http.aclose()
            watch.cancel()
            await asyncio.wait([watch])

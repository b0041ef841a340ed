"""A node's HTTP side without governance: no keys, no queue, no records. Requests go straight to the endpoint.

`python -m bench.bare_server MODELS PORT` serves until its input ends. What `bench.governance` compares a node with.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from corral.app.api.app import create_app
from corral.app.api.body import parse_object
from corral.app.api.call import Call
from corral.app.api.connection import CorralApp
from corral.app.api.edge import Incoming
from corral.app.api.health import Health, NodeInfo, NodeState
from corral.app.api.metrics import Metrics
from corral.app.api.route import Route
from corral.app.api.v1 import V1
from corral.app.gateway.endpoint import Client, GatewayRequest, GatewayResponse
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.history.recorder import RecordingStatus
from corral.app.openai.responses.service import ResponsesService
from corral.app.openai.responses.store import StoredResponse
from corral.app.server import Server, loop_factory
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.pool import ModelPool

_NODE = "bare"


class BareEdge:
    """Reads the body and calls the handler."""

    async def answer(self, route: Route, incoming: Incoming) -> GatewayResponse:
        body = await incoming.read_body() if route.body is not None else b""
        call = Call(
            method=incoming.method,
            path=incoming.path,
            headers=incoming.headers,
            client=Client(address=incoming.address),
            request_id=incoming.request_id,
            parameters=incoming.parameters,
            body=body,
            json=parse_object(body) if body else {},
        )
        return await route.handler(call)


class OneEndpoint:
    """Stands where the gateway stands."""

    def __init__(self, endpoint: PoolEndpoint) -> None:
        self._endpoint = endpoint

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        return await self._endpoint.forward(request)

    def models(self) -> list[dict[str, Any]]:
        return [{"id": model.id} for model in self._endpoint.models()]

    def model(self, id: str) -> dict[str, Any]:
        return {"id": id}


class _Forgetful:
    """A ResponseStore that keeps nothing."""

    async def put(self, response: StoredResponse, *, expires_at: float) -> None:
        return None

    async def get(self, id: str) -> StoredResponse | None:
        return None

    async def delete(self, id: str) -> bool:
        return False


def bare_app(models: Path) -> tuple[CorralApp, ModelPool]:
    """The application, and the pool of the echo models behind it, which has to be started."""
    metrics = Metrics(CollectorRegistry())
    pool = ModelPool(library=Library(folder=models), engines=[EchoEngine()], limits=PoolLimits())
    gateway = OneEndpoint(PoolEndpoint(pool=pool, node_name=_NODE, observer=metrics))
    node = NodeInfo(name=_NODE, version="0")
    responses = ResponsesService(
        forward=gateway.forward, store=_Forgetful(), retention_s=lambda: 1.0, now=time.time
    )
    health = Health(
        node=node,
        state=lambda: NodeState.OK,
        metrics=metrics,
        show_metrics=False,
        recording=lambda: RecordingStatus(paused=False),
    )
    routes = [*V1(gateway=gateway, responses=responses).routes(), *health.routes()]
    return create_app(edge=BareEdge(), routes=routes, node=node, metrics=metrics), pool


async def serve(models: Path, port: int) -> None:
    """Until the input ends."""
    app, pool = bare_app(models)
    server = Server(app=app, handler_of=app.plain.get, host="127.0.0.1", port=port)
    await pool.start()
    await server.start()
    await asyncio.to_thread(sys.stdin.buffer.read)
    await server.stop()
    await pool.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))

"""The application that a node's HTTP port serves: its own where it is the router, else the way to the router.

How `app/composition.py` puts it together::

    app = create_app(...)                                    # as before
    door = FrontDoor(
        app=app,
        cluster=Cluster(routing=..., changed=..., peers=peer_client),
        vouched=authenticator.vouched,                       # the Authenticator that the Edge has
        host_ok=lambda host: host_allowed(host, names),      # the names that the Edge has
    )
    server = Server(app=door, handler_of=door.plain, ...)
    relay = RelayRoute(app=app, routing=..., name_of=...)    # for the routes of the peer port: relay.route()
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from corral.app.api.asgi_scope import relayed_of
from corral.app.api.connection import CorralApp
from corral.app.api.request_errors import RelayLoop
from corral.app.api.route import body_limit
from corral.app.front_door.headers import end_to_end
from corral.app.front_door.kept_body import KeptBody
from corral.app.front_door.locality import Locality
from corral.app.front_door.relay import Cluster, Relay
from corral.app.front_door.routing import Here
from corral.app.front_door.sending import Sending
from corral.app.front_door.wire import RequestHead
from corral.app.gateway.auth import Asking, is_from_this_machine
from corral.app.gateway.relayed import Vouched
from corral.app.http1.handler import Handler

_CREDENTIALS = (b"authorization", b"x-api-key")
_END_S = 1.0  # what is left to do after an answer gets so long


class FrontDoor:
    """An ASGI application around the node's own."""

    def __init__(
        self,
        *,
        app: CorralApp,
        cluster: Cluster,
        vouched: Callable[[Asking], Vouched | None],
        host_ok: Callable[[str], bool],
        folder: Path | None = None,
    ) -> None:
        """`vouched` tells what only this machine can of a client; `host_ok` whether a Host header means this node.

        `folder` is for long bodies while they are sent; None: where the system keeps such files.
        """
        self._app = app
        self._cluster = cluster
        self._vouched = vouched
        self._host_ok = host_ok
        self._folder = folder
        self._locality = Locality(app.routes)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """One request, websocket or lifespan."""
        if (
            scope["type"] != "http"
            or isinstance(self._cluster.routing(), Here)
            or self._locality.is_local(scope["method"], _path(scope))
        ):
            await self._app(scope, receive, send)
        else:
            await self._relay(scope, receive, send)

    def plain(self, path: str) -> Handler | None:
        """Who answers a plain request here; None: it has to come as any other."""
        return self._app.plain.get(path) if isinstance(self._cluster.routing(), Here) else None

    async def _relay(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        sending = Sending(send)
        body = KeptBody(
            receive,
            limit_bytes=body_limit(_path(scope)),
            declared_bytes=_declared_bytes(scope),
            folder=self._folder,
            bears=partial(self._bears, (scope["client"] or ("",))[0]),
        )
        relay = Relay(
            cluster=self._cluster,
            app=self._app,
            scope=scope,
            head=self._head(scope),
            body=body,
            sending=sending,
        )
        answering = relay.answer() if relayed_of(scope) is None else relay.refuse(RelayLoop())
        reading = asyncio.create_task(body.read())  # first: a short body is there before anybody asks for it
        try:
            await _while_client_is_there(asyncio.create_task(answering), reading, sending, body)
        finally:
            await body.close()

    def _bears(self, address: str, size_bytes: int) -> bool:
        return self._app.patience.bears(address, size_bytes, now=asyncio.get_running_loop().time())

    def _head(self, scope: Mapping[str, Any]) -> RequestHead:
        client, server = scope["client"] or ("", 0), scope["server"] or ("", 0)
        vouched = None
        if is_from_this_machine(client[0], server[0]):
            asking = Asking(method=scope["method"], headers=_text(scope["headers"]), from_this_machine=True)
            vouched = self._vouched(asking)
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        # The token of this machine's commands is nobody else's business.
        without = _CREDENTIALS if vouched is Vouched.THIS_MACHINE else ()
        return RequestHead(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope["raw_path"],
            query=scope["query_string"],
            headers=end_to_end(scope["headers"], without=without),
            http_version=scope["http_version"],
            scheme=scope["scheme"],
            address=client[0],
            port=client[1],
            vouched=vouched or "",
            host_ok=self._host_ok(host),
        )


async def _while_client_is_there(
    answering: asyncio.Task[None], reading: asyncio.Task[None], sending: Sending, body: KeptBody
) -> None:
    """Until the answer is complete, or its client has left: then the work for it is cancelled."""
    try:
        await asyncio.wait([answering, reading], return_when=asyncio.FIRST_COMPLETED)
        if (
            sending.finished
        ):  # whoever puts messages must find a reader, and the router's connection can be used again
            body.skip_rest()
            await asyncio.wait([answering, reading], timeout=_END_S)
    finally:
        answering.cancel()
        reading.cancel()
        await asyncio.wait([answering, reading])
    if not answering.cancelled() and (error := answering.exception()) is not None:
        raise error


def _path(scope: Any) -> str:
    """As the application sees it."""
    path: str = scope["path"] or "/"
    return path if path.startswith("/") else urlparse(path).path or "/"


def _text(headers: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _declared_bytes(scope: Any) -> int | None:
    """How long the body is going to be; None if that isn't known."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers or not scope["http_version"].startswith("1"):
        return None  # from HTTP/2 on a body needs no header
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else None

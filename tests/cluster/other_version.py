"""A node of another version of the protocol: the whole program, whose peer port and links speak as that version would.

python -m tests.cluster.other_version 2 serve
"""

import sys
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from typing import Any

from corral.app import cli, state
from corral.app.cluster import membership, neighbourhood
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.link import Link
from corral.peers.transport.route import LinkRoute, PeerAnswer, PeerRequest, PeerRoute
from corral.peers.transport.server import PeerServer
from tests.cluster import later_fields

_HEADERS = {"x-corral-of-another-version": "1"}
_version = int(sys.argv[1]) if __name__ == "__main__" else 0


class OtherLink:
    """What is sent on it is of the other version."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.closed = link.closed
        self.aclose = link.aclose

    async def send(self, message: bytes) -> None:
        for each in later_fields.link(_version, message):
            await self._link.send(each)


class OtherClient(PeerClient):
    """What it asks is of the other version."""

    async def post(self, node: NodeId, path: str, body: bytes, **how: Any) -> bytes:
        return await super().post(node, path, _request(path, body), **how)

    async def open(self, node: NodeId, method: str, path: str, **how: Any) -> Any:
        body = how.pop("body", b"")
        altered = _request(path, body) if isinstance(body, bytes) else _streamed(path, body)
        headers = {**how.pop("headers", {}), **_HEADERS}
        return await super().open(node, method, path, body=altered, headers=headers, **how)

    async def link(self, node: NodeId, path: str) -> Any:
        return OtherLink(await super().link(node, path))


class OtherServer(PeerServer):
    """What it answers is of the other version."""

    def __init__(self, *, routes: Any, links: Any, **how: Any) -> None:
        super().__init__(
            routes=[_other_route(each) for each in routes],
            links=[_other_link(each) for each in links],
            **how,
        )


def _request(path: str, body: bytes) -> bytes:
    altered = later_fields.REQUESTS.get(path)
    return body if altered is None or not body else altered(_version, body)


async def _streamed(path: str, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The head of a relayed request comes with the first piece."""
    first = True
    async for piece in body:
        yield _request(path, piece) if first else piece
        first = False


def _other_route(route: PeerRoute) -> PeerRoute:
    async def answer(request: PeerRequest) -> PeerAnswer:
        return _answer(route.path, await route.handler(request))

    return replace(route, handler=answer)


def _answer(path: str, answer: PeerAnswer) -> PeerAnswer:
    body = answer.body
    if isinstance(body, bytes):
        altered = later_fields.ANSWERS.get(path)
        if altered is not None and body and answer.status == 200:
            body = altered(_version, body)
    elif path in later_fields.STREAMS:
        body = later_fields.STREAMS[path](body)
    return replace(answer, headers={**answer.headers, **_HEADERS}, body=body)


def _other_link(route: LinkRoute) -> LinkRoute:
    return replace(
        route, on_message=lambda peer, body: route.on_message(peer, later_fields.heard(_version, body))
    )


if __name__ == "__main__":
    del sys.argv[1]
    setattr(state, "PeerClient", OtherClient)  # noqa: B010 - a program of another version has another class there
    setattr(membership, "PeerServer", OtherServer)  # noqa: B010
    setattr(neighbourhood, "VERSION", _version)  # noqa: B010
    cli.main()

"""From a request of a member to the answer of a route's handler."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse

from corral.peers.transport.connection import PeerConnection
from corral.peers.transport.response import lower_case
from corral.peers.transport.route import ANY, BodyTooLarge, PeerAnswer, PeerRequest, PeerRoute

_LOG = structlog.get_logger(__name__)
_MALFORMED: Final = PeerAnswer(status=400, body=b"the body is malformed")
_NO_SUCH_PATH: Final = PeerAnswer(status=404, body=b"no such path")
_NO_SUCH_METHOD: Final = PeerAnswer(status=405, body=b"not with this method")
_TOO_LARGE: Final = PeerAnswer(status=413, body=b"the body is too large")
_FAILED: Final = PeerAnswer(status=500, body=b"failed; the log of that machine says why")


class Answering:
    """Finds the route of a request, runs its handler, and sends what it answers."""

    def __init__(self, routes: Sequence[PeerRoute]) -> None:
        self._routes = sorted(routes, key=_precedence, reverse=True)
        self._exact = {(each.path, each.method): each for each in routes if not each.path.endswith("/")}

    async def answer(self, request: BaseRequest, connection: PeerConnection) -> StreamResponse:
        """Send the answer. If the peer leaves meanwhile, the handler is cancelled or its body closed."""
        path, _, query = request.raw_path.partition("?")
        route = self._exact.get((path, request.method)) or self._route(request.method, path)
        if isinstance(route, PeerAnswer):
            return _whole(route, route.body)
        if (request.content_length or 0) > route.most_bytes:
            return _whole(_TOO_LARGE, _TOO_LARGE.body)
        asked = PeerRequest(
            peer=connection.peer,
            method=request.method,
            path=path,
            query=query,
            headers=lower_case(request.headers),
            most_bytes=route.most_bytes,
            body=request.content.iter_any(),
        )
        answer = await _handled(route, asked, connection)
        if isinstance(answer.body, bytes):
            return _whole(answer, answer.body)
        return await _streamed(request, connection, answer, answer.body)

    def _route(self, method: str, path: str) -> PeerRoute | PeerAnswer:
        fitting = [each for each in self._routes if _fits(each, path)]
        for each in fitting:
            if each.method in (method, ANY):
                return each
        return _NO_SUCH_METHOD if fitting else _NO_SUCH_PATH


def _precedence(route: PeerRoute) -> tuple[int, bool]:
    return len(route.path), route.method != ANY


def _fits(route: PeerRoute, path: str) -> bool:
    return path.startswith(route.path) if route.path.endswith("/") else path == route.path


async def _handled(route: PeerRoute, request: PeerRequest, connection: PeerConnection) -> PeerAnswer:
    try:
        return await route.handler(request)
    except BodyTooLarge:
        return _TOO_LARGE
    except RequestPayloadError:
        return _MALFORMED
    except Exception:  # noqa: BLE001 - a handler's bug must not cost the peer its connection
        if connection.is_open:  # else it is the peer that left while its body was read
            _LOG.exception("answering a peer failed", peer=request.peer, path=request.path)
        return _FAILED


def _whole(answer: PeerAnswer, body: bytes | AsyncIterator[bytes]) -> Response:
    return Response(status=answer.status, headers=answer.headers, body=body)


async def _streamed(
    request: BaseRequest, connection: PeerConnection, answer: PeerAnswer, body: AsyncIterator[bytes]
) -> StreamResponse:
    response = StreamResponse(status=answer.status, headers=answer.headers)
    try:
        await response.prepare(request)
        async for chunk in body:
            await response.write(chunk)
    except ConnectionError:  # the peer left, or what the body comes from
        connection.cut()
    except Exception:  # noqa: BLE001 - the head is out: all that is left is not to look complete
        _LOG.exception("an answer to a peer failed midway", peer=connection.peer, path=request.raw_path)
        connection.cut()
    finally:
        if close := getattr(body, "aclose", None):
            await close()
    return response

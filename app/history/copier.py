"""Copies another machine's history, a page at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from corral.app.history import copy_wire as wire
from corral.app.history.copy_store import CopyStore, News
from corral.app.store.history_log import Position
from corral.peers.ids import NodeId

PAUSE_S = 0.05  # between parts of a long copy, so that answers being served don't wait

Fetch = Callable[[NodeId, str, bytes], Awaitable[bytes]]
_Message = TypeVar("_Message")


class Copier:
    """For one task at a time."""

    def __init__(self, fetch: Fetch, store: CopyStore, *, pause_s: float = PAUSE_S) -> None:
        """`fetch` posts to a member."""
        self._fetch = fetch
        self._store = store
        self._pause_s = pause_s

    async def copy(self, node: NodeId) -> bool:
        """Copy the next page; whether there is more. Raises PeerError, BadCopy, DiskFull; then nothing is lost or half done.

        What has come is kept, and known when the page comes again.
        """
        before = await self._store.cursor(node)
        page = await self._ask(
            node, wire.PAGE_PATH, wire.Ask(log=before.log, number=before.number), wire.Page
        )
        upto = Position(page.log, page.number)
        if page.more and upto == before:
            raise wire.BadCopy("it says that there is more, and doesn't give it")
        rest = await self._store.news(page)
        while (ask := self._wanted(rest)) is not None:
            bodies = await self._ask(node, wire.BODIES_PATH, ask, wire.Bodies)
            part, rest = _split(rest, ask, bodies)
            if self._wanted(rest) is None:
                rest = _joined(part, rest)
                break
            await self._store.put(part)
            await asyncio.sleep(self._pause_s)
        if rest.any or upto != before:
            await self._store.put(rest, (node, upto))
        return page.more

    def _wanted(self, news: News) -> wire.AskBodies | None:
        """The bodies to ask for next."""
        requests = news.requests[: wire.MOST_BODIES] if self._store.wants_texts else ()
        responses = news.responses[: wire.MOST_BODIES]
        if not requests and not responses:
            return None
        return wire.AskBodies(requests=_ids(requests), responses=_ids(responses))

    async def _ask(
        self, node: NodeId, path: str, message: wire.Ask | wire.AskBodies, kind: type[_Message]
    ) -> _Message:
        return wire.decode(await self._fetch(node, path, wire.encode(message)), kind)


def _ids(rows: Sequence[wire.RequestRow] | Sequence[wire.ResponseRow]) -> tuple[str, ...]:
    return tuple(each.id for each in rows)


def _split(news: News, ask: wire.AskBodies, bodies: wire.Bodies) -> tuple[News, News]:
    """What has its bodies now, and the rest. Raises BadCopy."""
    if not 1 <= bodies.done <= len(ask.requests) + len(ask.responses):
        raise wire.BadCopy(f"it answers {bodies.done} of {len(ask.requests) + len(ask.responses)}")
    requests = min(bodies.done, len(ask.requests))
    responses = bodies.done - requests
    part = News(
        requests=news.requests[:requests],
        responses=news.responses[:responses],
        texts={each.id: each for each in bodies.texts},
        contents={each.id: each for each in bodies.contents},
    )
    return part, replace(news, requests=news.requests[requests:], responses=news.responses[responses:])


def _joined(part: News, rest: News) -> News:
    return replace(
        rest,
        requests=[*part.requests, *rest.requests],
        responses=part.responses,
        texts=part.texts,
        contents=part.contents,
    )

"""The logs of all machines that serve models: this one's from its files, a peer's over the peer port, a runtime's by HTTP."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from corral.app.log_reader import ALL, Wanted, newest
from corral.app.runtimes.errors import LogsUnavailable
from corral.app.runtimes.log_route import CLAIM_HEADER, MOST_LOG_BYTES, PATH
from corral.app.runtimes.record import RuntimeRecord
from corral.app.runtimes.runtimes import Runtimes
from corral.app.upstream.client import UpstreamClient
from corral.engines.errors import EngineError
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered, PeerError

LOGS_PATH = "/v0/logs"  # of a runtime
_ANSWER_S = 10.0
_OK, _NOT_FOUND = 200, 404


class MachineLogs:
    """`newest` is all."""

    def __init__(
        self,
        *,
        own_names: Collection[str],
        folder: Path,
        runtimes: Runtimes,
        client: UpstreamClient,
        peers: Callable[[], Collection[NodeId]],
        peer_client: PeerClient,
        claim: Callable[[], str],
    ) -> None:
        """`own_names`: what this node is called in lists; `folder` has its log files. `claim`: its right to ask peers."""
        self._own_names = own_names
        self._folder = folder
        self._runtimes = runtimes
        self._client = client
        self._peers = peers
        self._peer_client = peer_client
        self._claim = claim

    async def newest(self, id: str, tail: int, wanted: Wanted = ALL) -> list[dict[str, Any]]:
        """The last entries of a machine's log, newest last. Raises NoSuchRuntime, LogsUnavailable."""
        if id in self._own_names:
            entries = await asyncio.to_thread(newest, self._folder, tail, wanted)
            return [dict(each) for each in entries]
        if NodeId(id) in self._peers():
            found = await self._of_peer(NodeId(id), tail, wanted)
        else:
            found = await self._of_runtime(self._runtimes.record(id), tail)
        return [each for each in found if wanted.passes(each)]

    async def _of_peer(self, node: NodeId, tail: int, wanted: Wanted) -> list[dict[str, Any]]:
        try:
            answer = await self._peer_client.post(
                node,
                PATH,
                orjson.dumps({"tail": tail, **asdict(wanted)}),
                timeout_s=_ANSWER_S,
                most_bytes=MOST_LOG_BYTES,
                headers={CLAIM_HEADER: self._claim()},
            )
        except PeerAnswered as error:
            if error.status == _NOT_FOUND:
                raise LogsUnavailable(
                    "this machine runs a version of Corral that doesn't tell its log; look at it there"
                ) from error
            raise LogsUnavailable("this machine didn't tell its log; try again") from error
        except PeerError as error:
            raise LogsUnavailable("this machine can't be reached for its log") from error
        return entries_of(answer, "the machine", tail)

    async def _of_runtime(self, record: RuntimeRecord, tail: int) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(_ANSWER_S):
                response = await self._client.open(
                    record.base_url, "GET", f"{LOGS_PATH}?tail={tail}", timeout_s=_ANSWER_S
                )
                if response.status != _OK:
                    await response.aclose()
                    raise LogsUnavailable(
                        f"runtime {record.name!r} doesn't offer its log: GET {LOGS_PATH} answered {response.status}"
                    )
                answer = await response.read(MOST_LOG_BYTES)
        except TimeoutError as error:
            raise LogsUnavailable(
                f"runtime {record.name!r} took longer than {_ANSWER_S:g} s for its log"
            ) from error
        except EngineError as error:
            raise LogsUnavailable(f"the log of runtime {record.name!r}: {error.message}") from error
        return entries_of(answer, f"runtime {record.name!r}", tail)


def entries_of(answer: bytes, whose: str, tail: int) -> list[dict[str, Any]]:
    """The last entries of an answer: a list, or an object with `entries`; lines of text become entries too."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise LogsUnavailable(f"what {whose} sent as its log is no JSON") from error
    entries = document.get("entries") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise LogsUnavailable(f"what {whose} sent as its log has no list of entries")
    return [each if isinstance(each, dict) else {"message": str(each)} for each in entries[-tail:]]

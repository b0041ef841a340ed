"""What a request, a message and a megabyte between two machines of a cluster cost, over loopback, TLS included.

`python -m bench.transport [--quick]` starts a peer in a process of its own for each event loop, asks it from this one,
prints a table and writes docs/benchmarks.md. Both share the processor, so a real network is faster where both are busy.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from bench import machine
from bench.engine import ROOT
from bench.report import replace_section
from corral.app.server import loop_factory
from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import LinkRoute, PeerAnswer, PeerRequest, PeerRoute
from corral.peers.transport.server import PeerServer

HEADING = "Between machines"
_TOKEN = b'data: {"choices":[{"delta":{"content":"token"}}]}\n\n'
_HEARTBEAT = b"x" * 300
_PIECE = b"x" * 262_144
_LIMIT_S = 60.0
_LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop] | None] = {
    "asyncio": None,
    "uvloop": loop_factory(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of everything is done."""

    requests: int = 3000
    connections: int = 100
    messages: int = 5000
    chunks: int = 20_000
    pieces: int = 4000


QUICK = Amount(requests=20, connections=3, messages=20, chunks=50, pieces=8)


class Peer:
    """The machine that answers."""

    def __init__(self, amount: Amount) -> None:
        self._amount = amount
        self._delays_s: list[float] = []
        self.links = [
            LinkRoute(
                path="/link",
                on_open=lambda peer: self._delays_s.clear(),
                on_message=self._on_message,
                on_close=lambda peer: None,
                most_bytes=1000,
            )
        ]
        self.routes = [
            PeerRoute(method="POST", path="/heartbeat", handler=self._heartbeat, most_bytes=1000),
            PeerRoute(method="GET", path="/tokens", handler=self._tokens, most_bytes=0),
            PeerRoute(method="GET", path="/file", handler=self._file, most_bytes=0),
            PeerRoute(method="POST", path="/take", handler=self._take, most_bytes=1 << 40),
            PeerRoute(method="POST", path="/delays", handler=self._delays, most_bytes=0),
        ]

    def _on_message(self, peer: NodeId, message: bytes) -> None:
        # The clock is the same for all processes of a machine.
        self._delays_s.append(time.monotonic() - float(message[:20]))

    async def _heartbeat(self, request: PeerRequest) -> PeerAnswer:
        return PeerAnswer(body=await request.read())

    async def _tokens(self, request: PeerRequest) -> PeerAnswer:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(self._amount.chunks):
                yield _TOKEN

        return PeerAnswer(body=body())

    async def _file(self, request: PeerRequest) -> PeerAnswer:
        return PeerAnswer(body=pieces(self._amount.pieces))

    async def _take(self, request: PeerRequest) -> PeerAnswer:
        async for _ in request.chunks():
            pass
        return PeerAnswer()

    async def _delays(self, request: PeerRequest) -> PeerAnswer:
        return PeerAnswer(body=msgspec.json.encode(self._delays_s))


async def pieces(count: int) -> AsyncIterator[bytes]:
    """The bytes of a model file."""
    for _ in range(count):
        yield _PIECE


def serve(folder: Path, members: Sequence[Certificate], amount: Amount, loop: str, told: Connection) -> None:
    """The process of the peer; ends when it is killed."""

    async def run() -> None:
        peer = Peer(amount)
        identity = await asyncio.to_thread(load_identity, folder)
        server = PeerServer(identity=identity, host="127.0.0.1", port=0, routes=peer.routes, links=peer.links)
        await server.start(members)
        told.send(server.port)
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=_LOOPS[loop]) as runner:
        runner.run(run())


class Bench:
    """The machine that asks."""

    def __init__(self, *, client: PeerClient, peer: NodeId, amount: Amount) -> None:
        self._client = client
        self._peer = peer
        self._amount = amount

    async def run(self) -> dict[str, str]:
        """Row → cell."""
        for _ in range(self._amount.requests // 10):
            await self._heartbeat()
        return {
            "new connection and a request, median": _ms(await self._new_connections()),
            "request on a kept connection, median": _us(await self._each(self._heartbeat)),
            "requests a second, 32 at a time": f"{await self._at_once(32):,.0f}",
            "message on a link: until its callback, median": _us(
                statistics.median(await self._link_delays())
            ),
            "messages a second on one link": f"{await self._link_rate():,.0f}",
            "chunk of a streamed answer": _us(await self._stream("/tokens") / self._amount.chunks),
            "model file down, MB/s": f"{self._megabytes / await self._stream('/file'):,.0f}",
            "model file up, MB/s": f"{self._megabytes / await self._upload():,.0f}",
        }

    @property
    def _megabytes(self) -> float:
        return self._amount.pieces * len(_PIECE) / 1e6

    async def _heartbeat(self) -> None:
        await self._client.post(self._peer, "/heartbeat", _HEARTBEAT, timeout_s=_LIMIT_S)

    async def _new_connections(self) -> float:
        times = []
        for _ in range(self._amount.connections):
            self._client.forget(self._peer)
            times.append(await _seconds(self._heartbeat))
        return statistics.median(times)

    async def _each(self, ask: Callable[[], Awaitable[None]]) -> float:
        return statistics.median([await _seconds(ask) for _ in range(self._amount.requests)])

    async def _at_once(self, clients: int) -> float:
        async def one() -> None:
            for _ in range(self._amount.requests // clients + 1):
                await self._heartbeat()

        async def all_of_them() -> None:
            await asyncio.gather(*(one() for _ in range(clients)))

        await all_of_them()  # makes the connections
        return (self._amount.requests // clients + 1) * clients / await _seconds(all_of_them)

    async def _link_delays(self) -> list[float]:
        link = await self._client.link(self._peer, "/link")
        for _ in range(self._amount.messages // 10):
            await link.send((b"%020.9f" % time.monotonic()).ljust(len(_HEARTBEAT)))
            await asyncio.sleep(0.001)
        return await self._told_delays(link.aclose)

    async def _link_rate(self) -> float:
        link = await self._client.link(self._peer, "/link")

        async def all_of_them() -> None:
            for number in range(self._amount.messages):
                await link.send((b"%020.9f" % time.monotonic()).ljust(len(_HEARTBEAT)))
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await self._told_delays(link.aclose)

        return self._amount.messages / await _seconds(all_of_them)

    async def _told_delays(self, close: Callable[[], Awaitable[None]]) -> list[float]:
        await close()
        told = await self._client.post(self._peer, "/delays", b"", timeout_s=_LIMIT_S)
        return msgspec.json.decode(told, type=list[float])

    async def _stream(self, path: str) -> float:
        async def ask() -> None:
            response = await self._client.open(self._peer, "GET", path)
            async for _ in response.chunks():
                pass

        return await _seconds(ask)

    async def _upload(self) -> float:
        async def ask() -> None:
            body = pieces(self._amount.pieces)
            response = await self._client.open(self._peer, "POST", "/take", body=body)
            await response.read(0)

        return await _seconds(ask)


async def _seconds(ask: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await ask()
    return time.perf_counter() - began


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


def measure(loop: str, amount: Amount, folder: Path) -> dict[str, str]:
    """Both machines on this event loop."""
    own, other = (load_identity(folder / name) for name in ("own", "other"))
    spawn = multiprocessing.get_context("spawn")
    ready, told = spawn.Pipe()
    members = [own.certificate, other.certificate]
    process = spawn.Process(target=serve, args=(folder / "other", members, amount, loop, told), daemon=True)
    process.start()
    try:
        with asyncio.Runner(loop_factory=_LOOPS[loop]) as runner:
            return runner.run(_asked(own, other, ready.recv(), amount))
    finally:
        process.kill()
        process.join()


async def _asked(own: Identity, other: Identity, port: int, amount: Amount) -> dict[str, str]:
    certificates = {other.node: other.certificate}
    client = PeerClient(
        identity=own, certificates=certificates.get, addresses=lambda _: [Address("127.0.0.1", port)]
    )
    try:
        return await Bench(client=client, peer=other.node, amount=amount).run()
    finally:
        await client.close()


def report(amount: Amount) -> list[str]:
    """Measure; the lines of the report."""
    loops = [name for name in _LOOPS if name == "asyncio" or _LOOPS[name] is not None]
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as folder:
        columns = [measure(loop, amount, Path(folder)) for loop in loops]
    lines = [f"| | {' | '.join(loops)} |", f"| --- |{' ---: |' * len(loops)}"]
    lines += [f"| {row} | {' | '.join(cells[row] for cells in columns)} |" for row in columns[0]]
    return [*(f"* {line}" for line in machine.described("aiohttp", "cryptography", "uvloop")), "", *lines]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.transport", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: little of everything, nothing written"
    )
    options = parser.parse_args(arguments)
    lines = report(QUICK if options.quick else Amount())
    print("\n".join(lines))
    if not options.quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()

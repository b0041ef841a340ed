"""A host of the LAN without membership that does what it can. Does the attacks that stdin names, tells what came of them as JSON lines.

python -m tests.cluster.attacker FOLDER OWN_ADDRESS HOST HOST
"""

import asyncio
import json
import secrets
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from corral.peers.discovery.announcement import SERVICE_TYPE, cluster_hash
from corral.peers.identity.identity import load_identity
from corral.peers.ids import ClusterId
from tests.cluster import attacks
from tests.cluster.attacks import FRONT_PORT, PEER_PORT, Loot

_MADE_UP = 300
_IN_LINE = 10
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def tell(event: str, **details: Any) -> None:
    """One line for the test that watches."""
    print(json.dumps({"event": event, **details}), flush=True)


class Attacker:
    """Its folder gets what it makes and receives. `words` after an attack's name are what the test tells it."""

    def __init__(self, folder: Path, own: str, hosts: list[str]) -> None:
        self._folder = folder
        self._own = own
        self._hosts = hosts
        self._loot = Loot(folder / "received")
        self._recorded: list[bytes] = []
        self._proxy: asyncio.Server | None = None

    @property
    def attacks(self) -> dict[str, Callable[..., Awaitable[dict[str, Any]]]]:
        """By name."""
        return {
            "proxy": self.proxy,
            "announce": self.announce,
            "certificates": self.certificates,
            "noise": self.noise,
            "halves": self.halves,
            "bodies": self.bodies,
            "forge": self.forge,
            "replay": self.replay,
            "ask": self.ask,
        }

    # --- between a newcomer and the cluster

    async def proxy(self) -> dict[str, Any]:
        """Pass on what comes to its own front door to the first host's, and remember it."""
        self._proxy = await asyncio.start_server(self._pass_on, self._own, FRONT_PORT)
        return {}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._hosts[0], FRONT_PORT)
        place = len(self._recorded)
        self._recorded.append(b"")

        async def up() -> None:
            while data := await reader.read(65536):
                self._recorded[place] += data
                there_writer.write(data)
            there_writer.transport.abort()

        async def down() -> None:
            while data := await there_reader.read(65536):
                self._loot.take("proxy", data)
                writer.write(data)
            writer.close()

        await asyncio.gather(up(), down(), return_exceptions=True)

    async def replay(self) -> dict[str, Any]:
        """Say again what newcomers said, in the same order, to both hosts."""
        kinds: list[str] = []
        for connection in self._recorded:
            for request in _requests(connection):
                for host in self._hosts:
                    answer = await attacks.say(host, FRONT_PORT, request)
                    self._loot.take("replay", answer)
                    kinds.append(attacks.kind_of(answer))
        return {"answers": kinds}

    # --- multicast DNS

    async def announce(self, cluster: str, router: str) -> dict[str, Any]:
        """Be a member, the router, its name and very many others; whoever comes meets a trap."""
        assert self._proxy is not None, "the newcomers came another way"
        self._proxy.close()
        await self._set_traps()
        aio = AsyncZeroconf(interfaces=[self._own], ip_version=IPVersion.V4Only)
        hash_ = cluster_hash(ClusterId(cluster))
        own = load_identity(self._folder / "stranger").node
        made_up = ["".join(secrets.choice(_LETTERS) for _ in range(52)) for _ in range(_MADE_UP)]
        for node in (own, router, *made_up):
            await aio.async_register_service(self._service(node, hash_), cooperating_responders=True)
        name = AsyncServiceInfo(
            "_http._tcp.local.",
            "corral._http._tcp.local.",
            port=FRONT_PORT,
            server="corral.local.",
            addresses=[socket.inet_aton(self._own)],
        )
        await aio.async_register_service(name, cooperating_responders=True)
        return {}

    def _service(self, node: str, cluster: str) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            SERVICE_TYPE,
            f"{node}.{SERVICE_TYPE}",
            port=PEER_PORT,
            properties={
                "v": "1",
                "id": node,
                "boot": secrets.token_hex(8),
                "cluster": cluster,
                "peer": str(PEER_PORT),
                "front": str(FRONT_PORT),
            },
            server=f"{node[:40]}.local.",
            addresses=[socket.inet_aton(self._own)],
        )

    async def _set_traps(self) -> None:
        """Peer port and front door; what members say there would be loot."""

        async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"corral 1\n")
            try:
                while data := await reader.read(65536):
                    self._loot.take("trap", data)
            except OSError:
                pass
            writer.transport.abort()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_identity(self._folder / "stranger").show_in(context)
        await asyncio.start_server(trap, self._own, PEER_PORT, ssl=context)
        await asyncio.start_server(trap, self._own, FRONT_PORT)

    # --- TCP

    async def certificates(self, removed: str) -> dict[str, Any]:
        """Show every certificate there is, and ask for everything."""
        got: dict[str, int] = {}
        for name, context in attacks.certificates(self._folder, Path(removed)):
            answers = await asyncio.gather(
                *(
                    attacks.say(host, PEER_PORT, request, context=context)
                    for host in self._hosts
                    for request in attacks.member_requests()
                )
            )
            got[name] = sum(map(len, answers))
            self._loot.take("certificates", b"".join(answers))
        return {"got": got}

    async def noise(self) -> dict[str, Any]:
        """No TLS at all."""
        said = [b"", b"\x00" * 10_000, secrets.token_bytes(100_000), *attacks.member_requests()]
        answers = await asyncio.gather(
            *(attacks.say(host, PEER_PORT, each) for host in self._hosts for each in said)
        )
        self._loot.take("noise", b"".join(answers))
        return {"answers": sorted({each[:16].hex() for each in answers})}

    async def halves(self) -> dict[str, Any]:
        """500 to each host."""
        begun = await asyncio.gather(
            *(attacks.half_handshakes(host, attacks.HALF_HANDSHAKES) for host in self._hosts)
        )
        return {"begun": sum(begun)}

    async def bodies(self) -> dict[str, Any]:
        """A gigabyte, wherever one can be sent."""
        statuses: set[str] = set()

        async def one(host: str, port: int, head: bytes, *, chunked: bool) -> None:
            answer = await attacks.pour(host, port, head, chunked=chunked)
            self._loot.take("bodies", answer)
            statuses.add(answer[9:12].decode(errors="replace"))

        await asyncio.gather(
            *(
                one(host, port, head, chunked=chunked)
                for port, head, chunked in attacks.endless_bodies()
                for host in self._hosts
            )
        )
        return {"statuses": sorted(statuses)}

    async def forge(self) -> dict[str, Any]:
        """Pretend to be a member at the front door."""
        statuses: list[str] = []

        async def one(host: str, request: bytes) -> None:
            answer = await attacks.say(host, FRONT_PORT, _closing(request), patience_s=20)
            self._loot.take("forge", answer)
            path = request.split(b" ")[1].decode()
            statuses.append(f"{path} {answer[9:12].decode(errors='replace')}")

        await asyncio.gather(
            *(one(host, request) for request in attacks.forged_requests() for host in self._hosts)
        )
        return {"statuses": sorted(set(statuses))}

    async def ask(self) -> dict[str, Any]:
        """1,000 times; first as honest machines do."""
        identities = [load_identity(self._folder / f"evil-{number}") for number in range(_IN_LINE)]
        waiting = [
            await attacks.wait_in_line(self._hosts[0], each, f"evil-{number}")
            for number, each in enumerate(identities)
        ]
        answers, got = await attacks.ask_to_join(self._hosts, attacks.JOIN_REQUESTS)
        self._loot.take("ask", got)
        return {"answers": answers, "waiting": waiting.count("waiting")}


def _requests(connection: bytes) -> list[bytes]:
    """The requests of one connection, each to be said on one of its own."""
    found: list[bytes] = []
    while connection:
        head, _, rest = connection.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        found.append(_closing(head + b"\r\n\r\n" + rest[:length]))
        connection = rest[length:]
    return found


def _closing(request: bytes) -> bytes:
    """The same, as the last one of its connection."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


async def main(folder: Path, own: str, hosts: list[str]) -> None:
    """Until stdin ends."""
    attacker = Attacker(folder, own, hosts)
    tell("started")
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, *words = line.split()
        tell(name, **await attacker.attacks[name](*words))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))

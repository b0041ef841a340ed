"""What else may be on a LAN: a machine that says the cluster's name, and one that announces nonsense. Runs until killed.

python -m tests.cluster.stranger name corral.local. 10.77.0.3
python -m tests.cluster.stranger nonsense 10.77.0.3
"""

import asyncio
import json
import random
import socket
import sys

from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

TYPE = "_corral._tcp.local."
NONSENSE: tuple[dict[str, str | bytes], ...] = (
    {},
    {"id": "A" * 52},
    {"v": "1", "id": "A" * 52, "boot": "x", "peer": "1", "front": "1"},
    {"v": "9" * 200, "id": b"\xff\xfe" * 100, "boot": "b" * 16, "peer": "99999", "front": "-1"},
    {"v": "1", "id": "not a node", "boot": "b" * 16, "cluster": "\u0000", "peer": "1", "front": "1"},
)


def say() -> None:
    """All of it is on the way."""
    print(json.dumps({"event": "started"}), flush=True)


async def pretend(name: str, address: str) -> None:
    """Say the name."""
    aio = AsyncZeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    service, _, _ = name.partition(".")
    info = AsyncServiceInfo(
        "_http._tcp.local.",
        f"{service}._http._tcp.local.",
        port=80,
        server=name,
        addresses=[socket.inet_aton(address)],
    )
    await (await aio.async_register_service(info, cooperating_responders=True))
    say()
    await asyncio.Event().wait()


async def babble(address: str) -> None:
    """Announce what nobody can read, very many made-up machines, and bytes that are no DNS at all."""
    aio = AsyncZeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    for number, properties in enumerate(NONSENSE):
        await announce(aio, f"nonsense-{number}", properties, address)
    letters = random.Random(7)
    for _ in range(200):
        node = "".join(letters.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=52))
        await announce(
            aio, node, {"v": "1", "id": node, "boot": "b" * 16, "peer": "1", "front": "1"}, address
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        for size in (0, 1, 11, 12, 13, 500, 9000):
            raw.sendto(letters.randbytes(size), ("224.0.0.251", 5353))
    say()
    await asyncio.Event().wait()


async def announce(
    aio: AsyncZeroconf, instance: str, properties: dict[str, str | bytes], address: str
) -> None:
    """One service of Corral's type."""
    info = AsyncServiceInfo(
        TYPE,
        f"{instance}.{TYPE}",
        port=1,
        properties=dict(properties),
        server=f"{instance[:40]}.local.",
        addresses=[socket.inet_aton(address)],
    )
    await aio.async_register_service(info, cooperating_responders=True)


if __name__ == "__main__":
    asyncio.run(pretend(*sys.argv[2:]) if sys.argv[1] == "name" else babble(*sys.argv[2:]))

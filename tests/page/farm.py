"""Several real nodes on this machine in one cluster: the first lets the others in with a token."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.node import Node

_DEADLINE_S = 60.0
_POLL_S = 0.1


@contextmanager
def running_farm(
    names: Sequence[str],
    folder: Path,
    *,
    models: Path,
    own_models: Mapping[str, Path] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[list[Node]]:
    """In the order of the names; the first one is router. They hear of each other at 127.0.0.1, not by mDNS.

    `own_models`: folders of those that don't share `models`.
    """
    with ExitStack() as running:
        nodes: list[Node] = []

        def add(name: str, **more: str) -> Node:
            environment = {**(settings or {}), "CORRAL_NODE_NAME": name, **more}
            node = Node(folder / name, models=(own_models or {}).get(name, models), settings=environment)
            running.callback(node.stop)
            nodes.append(node)
            return node

        first = add(names[0])
        first.wait_until_ready()
        with first.client() as http:
            invite = http.post("/v0/cluster/invites", json={"uses": len(names)})
            invite.raise_for_status()
            for name in names[1:]:
                add(
                    name,
                    CORRAL_JOIN_TOKEN=invite.json()["token"],
                    CORRAL_PEERS=f"127.0.0.1:{first.peer_port}",
                )
            deadline = time.monotonic() + _DEADLINE_S
            while not _all_follow(http.get("/v0/cluster").json(), len(names)):
                assert time.monotonic() < deadline, [node.output() for node in nodes]
                time.sleep(_POLL_S)
        yield nodes


def _all_follow(cluster: Mapping[str, Any], count: int) -> bool:
    roles = [node["role"] for node in cluster["nodes"]]
    return roles.count("router") == 1 and roles.count("follower") == count - 1

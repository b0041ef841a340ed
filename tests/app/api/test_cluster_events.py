"""What happens to the cluster, over HTTP: events for those who may know, and the addresses that people add."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import httpx

from corral.peers.identity.identity import load_identity
from corral.peers.pairing.newcomer import AskingNewcomer
from tests.app.api.serving import ADMIN_KEY, NODE, VIEWER, Serving, serving
from tests.app.api.test_events import bearer, watching

CLUSTER = "/v0/cluster"
PEERS = f"{CLUSTER}/local/peers"


async def ask_to_join(node: Serving, folder: Path, name: str) -> AskingNewcomer:
    """A machine that waits at the front door to be let in."""
    identity = await asyncio.to_thread(load_identity, folder / name)
    newcomer = AskingNewcomer(identity=identity, name=name)
    async with node.http(None) as http:
        while newcomer.code is None:
            letter = newcomer.next()
            assert letter is not None
            answer = await http.post(
                letter.path, content=letter.body, headers={"content-type": "application/json"}
            )
            await asyncio.to_thread(newcomer.take, answer.content)
    return newcomer


async def test_administrators_see_who_wants_to_join_and_what_became_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, watching(node) as watcher, node.http(ADMIN_KEY) as http:
        kind, snapshot, _ = await watcher.next()
        assert (kind, snapshot["cluster"]["node"]["name"], snapshot["joining"]) == ("snapshot", NODE, None)
        node.cluster_events.look()
        newcomer = await ask_to_join(node, tmp_path, "laptop")
        node.cluster_events.look()
        asked, _ = await watcher.next_of("join_request")
        assert asked["change"] == "appeared"
        assert (asked["request"]["name"], asked["request"]["code"]) == ("laptop", newcomer.code)
        shown, _ = await watcher.next_of("cluster")
        assert shown["cluster"]["requests"] == [asked["request"]]
        assert (await http.post(f"{CLUSTER}/requests/{asked['request']['id']}/approve")).status_code == 200
        node.cluster_events.changed()
        node.cluster_events.look()
        joined, _ = await watcher.next_of("machine")
        assert (joined["change"], joined["machine"]["name"]) == ("joined", "laptop")
        ended, _ = await watcher.next_of("join_request")
        assert ended["change"] == "ended"


async def test_viewers_see_machines_and_no_codes(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        node.cluster_events.look()
        async with watching(node, bearer(node.token(VIEWER))) as watcher:
            kind, snapshot, _ = await watcher.next()
            assert kind == "snapshot" and not {"cluster", "joining"} & snapshot.keys()
            await ask_to_join(node, tmp_path, "laptop")
            node.cluster_events.look()
            [request] = (await http.get(CLUSTER)).json()["requests"]
            await http.post(f"{CLUSTER}/requests/{request['id']}/approve")
            node.cluster_events.changed()
            node.cluster_events.look()
            kind, told, _ = await watcher.next()
            assert (kind, told["change"], told["machine"]["name"]) == ("machine", "joined", "laptop")


async def test_another_name_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, watching(node) as watcher, node.http(ADMIN_KEY) as http:
        node.cluster_events.look()
        assert (await http.put(CLUSTER, json={"name": "home"})).status_code == 200
        node.cluster_events.look()
        told, _ = await watcher.next_of("cluster")
        assert told["cluster"]["name"] == "home" and "elections" not in told["cluster"]


async def test_nothing_is_told_twice(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        for _ in range(3):
            node.cluster_events.changed()
            node.cluster_events.look()
        assert node.feed.last == 0


async def added(http: httpx.AsyncClient) -> list[str]:
    written: list[str] = (await http.get(f"{CLUSTER}/local")).json()["discovery"]["written"]
    return written


async def test_added_addresses_are_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        for address in ("192.0.2.7", "[2001:db8::7]:5", "desk.example:32769", "192.0.2.7:32769"):
            assert (await http.post(PEERS, json={"address": address})).status_code == 202
        assert await added(http) == ["192.0.2.7:32769", "[2001:db8::7]:5", "desk.example:32769"]
        assert (await http.delete(f"{PEERS}/192.0.2.7")).json() == {"removed": True}
        assert (await http.delete(f"{PEERS}/{quote('[2001:db8::7]:5', safe='')}")).json() == {"removed": True}
        again = await http.delete(f"{PEERS}/192.0.2.7")
        assert (again.status_code, again.json()["error"]["code"]) == (404, "address_not_found")
        wrong = await http.post(PEERS, json={"address": "no address"})
        assert wrong.status_code == 409 and "192.168.1.20:32769" in wrong.json()["error"]["message"]
        machines = (await http.get(f"{CLUSTER}/local")).json()["discovery"]["machines"]
        assert {"192.0.2.7:32769"} & {each for machine in machines for each in machine["addresses"]} == set()


async def test_added_addresses_are_bounded(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        for number in range(1, 33):
            assert (await http.post(PEERS, json={"address": f"192.0.2.{number}"})).status_code == 202
        refused = await http.post(PEERS, json={"address": "192.0.2.99"})
        assert refused.status_code == 409 and "corral peers remove" in refused.json()["error"]["message"]
        assert len(await added(http)) == 32

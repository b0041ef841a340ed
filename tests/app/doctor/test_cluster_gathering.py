"""Facts about the cluster as files, sockets and a real lone node tell them."""

import asyncio
import json
import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from corral.app.doctor import cluster_state
from corral.app.doctor.cluster_files import gather_cluster_files
from corral.app.doctor.cluster_state import gather_cluster, judge_cluster, until_router
from corral.app.doctor.finding import Level
from corral.app.doctor.known_addresses import gather_addresses
from corral.app.doctor.network import gather_network
from corral.app.doctor.reachability import gather_members
from corral.app.paths import DataDir
from corral.peers.cluster.cluster_file import load_cluster
from corral.peers.identity.identity import load_identity
from corral.peers.replication.ledger_file import VERSION, LedgerFile
from tests.app.api.serving import ADMIN_KEY, NODE, serving
from tests.app.doctor.test_gathering import settings


async def test_a_lone_node_as_it_tells(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        await http.post("/v0/cluster/local/peers", json={"address": "192.0.2.7"})
        local = (await http.get("/v0/cluster/local")).json()
    facts = gather_cluster(local, own_version="1.0")
    assert (facts.name, facts.members, facts.strangers, facts.router) == ("corral", 1, 0, None)
    assert [each.level for each in judge_cluster(facts)] == [Level.PROBLEM]  # its election doesn't run
    assert gather_members(local, heard=(), peer_port=1).members == ()
    assert local["nodes"][0]["name"] == NODE


def made(home: Path) -> DataDir:
    folder = DataDir(home)
    load_identity(folder.identity)
    cluster = load_cluster(folder.cluster, now=0.0)
    file = LedgerFile(folder.ledger(cluster.id))
    file.open(joined=False)
    file.close()
    return folder


def test_whole_files_and_nothing_made_or_left(tmp_path: Path) -> None:
    empty = gather_cluster_files(DataDir(tmp_path / "none"))
    assert (empty.identity_error, empty.cluster_error, empty.ledger) == (None, None, None)
    assert not (tmp_path / "none").exists()
    folder = made(tmp_path)
    before = sorted(os.listdir(tmp_path))
    facts = gather_cluster_files(folder)
    assert (facts.identity_error, facts.cluster_error) == (None, None)
    assert facts.ledger is not None
    assert (facts.ledger.error, facts.ledger.version, facts.ledger.known_version) == (None, VERSION, VERSION)
    assert sorted(os.listdir(tmp_path)) == before


def test_broken_files(tmp_path: Path) -> None:
    folder = made(tmp_path)
    ledger = folder.ledger(load_cluster(folder.cluster, now=0.0).id)
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    facts = gather_cluster_files(folder)
    assert facts.ledger is not None and facts.ledger.version == VERSION + 1
    ledger.write_bytes(b"no ledger" * 1000)
    facts = gather_cluster_files(folder)
    assert facts.ledger is not None and facts.ledger.error is not None
    folder.cluster.write_text('{"id": 1}')
    for each in folder.identity.iterdir():
        each.write_bytes(b"no key")
    facts = gather_cluster_files(folder)
    assert facts.cluster_error is not None and facts.identity_error is not None and facts.ledger is None


async def test_known_addresses_are_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # the system takes the connection
        port = listening.getsockname()[1]
        folder = DataDir(tmp_path)
        folder.addresses.write_text(json.dumps({"A": [f"127.0.0.1:{port}", "no address"]}))
        folder.added_peers.write_text(json.dumps(["127.0.0.1:1"]))
        given = settings(tmp_path, peers=["[::1]:1"])
        facts = await asyncio.to_thread(gather_addresses, given, folder)
    assert facts.tried[f"127.0.0.1:{port}"] is None
    assert facts.tried["127.0.0.1:1"] == "refuses connections"
    assert len(facts.tried) == 3 and facts.tried["[::1]:1"] is not None
    folder.addresses.write_text("{")
    folder.added_peers.write_text("{")
    assert (await asyncio.to_thread(gather_addresses, settings(tmp_path), folder)).tried == {}


def test_where_nobody_is_looked_for(tmp_path: Path) -> None:
    assert gather_network(settings(tmp_path, host="127.0.0.1")).off == "the setting host is 127.0.0.1"
    assert gather_network(settings(tmp_path, discovery=False)).off == "the setting discovery is off"
    facts = gather_network(settings(tmp_path, network="nothing0"))
    assert (facts.off, facts.pin, facts.choice.used) == (None, "nothing0", ())


def test_an_election_is_waited_for() -> None:
    said: list[dict[str, object] | None] = [{"router": None}, {"router": {"name": "anna"}}]
    assert until_router({"router": None}, lambda: said.pop(0)) == {"router": {"name": "anna"}}
    assert until_router(None, lambda: said.pop(0)) is None
    assert until_router({"router": {"name": "bert"}}, lambda: said.pop(0)) == {"router": {"name": "bert"}}
    assert said == []


def test_it_is_not_waited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_state, "ROUTER_S", 0.0)
    assert until_router({"router": None}, lambda: None) == {"router": None}

"""From facts to findings: the rules on the network and the cluster, as tables."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corral.app.doctor.cluster_files import ClusterFileFacts, judge_cluster_files
from corral.app.doctor.cluster_state import ClusterFacts, judge_cluster
from corral.app.doctor.database import DatabaseFacts
from corral.app.doctor.finding import Level
from corral.app.doctor.known_addresses import AddressFacts, judge_addresses
from corral.app.doctor.multicast import SILENT_S, MulticastFacts, judge_multicast
from corral.app.doctor.network import NetworkFacts, judge_network
from corral.app.doctor.reachability import MemberFacts, ReachabilityFacts, judge_members
from corral.peers.discovery.interfaces import Choice, NetworkInterface, Skipped
from corral.peers.discovery.multicast_probe import MulticastProbe
from tests.app.doctor.test_rules import check

OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM

ETH0 = NetworkInterface(name="eth0", ipv4=("192.0.2.5",))
DOCKER, WIREGUARD = Skipped("docker0", "a container network"), Skipped("wg0", "a VPN")
LOOPBACK = Skipped("lo", "reaches only this machine")


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (NetworkFacts(choice=Choice(used=(ETH0,), skipped=(LOOPBACK,))), OK, "on eth0 (192.0.2.5)"),
        (
            NetworkFacts(choice=Choice(used=(ETH0,), skipped=(DOCKER, WIREGUARD))),
            OK,
            "not: docker0 (a container network), wg0 (a VPN); to choose: `corral settings set network NAME`",
        ),
        (NetworkFacts(off="the setting discovery is off"), OK, "looks for no others: the setting discovery"),
        (NetworkFacts(), WARNING, "Connect it to the network"),
        (NetworkFacts(choice=Choice(skipped=(LOOPBACK,))), WARNING, "no network"),
        (
            NetworkFacts(choice=Choice(skipped=(DOCKER, WIREGUARD))),
            WARNING,
            "docker0 (a container network), wg0 (a VPN) Connect it to the network; or, if one of these is right:",
        ),
        (NetworkFacts(pin="eth7"), WARNING, "'eth7', which this machine doesn't have"),
        (
            NetworkFacts(choice=Choice(used=(replace(ETH0, ipv4=("169.254.3.4",), ipv6=("fe80::1",)),))),
            WARNING,
            "only addresses that this machine gave itself",
        ),
        (NetworkFacts(choice=Choice(used=(replace(ETH0, ipv6=("fe80::1",)),))), OK, "eth0"),
    ],
)
def test_network(facts: NetworkFacts, level: Level, says: str) -> None:
    check(judge_network(facts), level, says)


WORKS = MulticastFacts(probe=MulticastProbe(works=("eth0",)))


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (WORKS, OK, "works on eth0; no other machines answered"),
        (MulticastFacts(probe=MulticastProbe(works=("eth0",), heard=("a",))), OK, "1 other machine answered"),
        (
            MulticastFacts(probe=MulticastProbe(swallowed=("eth0", "wlan0"))),
            PROBLEM,
            "blocked on this machine: a question that was sent on eth0, wlan0",
        ),
        (MulticastFacts(probe=MulticastProbe(swallowed=("eth0",))), PROBLEM, "Let UDP port 5353 in and out"),
        (MulticastFacts(probe=MulticastProbe(swallowed=("eth0",))), PROBLEM, "`corral peers add HOST`"),
        (
            MulticastFacts(
                probe=MulticastProbe(failed=(("eth0", "the firewall of this machine forbids to send"),))
            ),
            PROBLEM,
            "impossible (eth0: the firewall of this machine forbids to send)",
        ),
        (
            MulticastFacts(
                probe=MulticastProbe(failed=(("eth0", "another program holds UDP port 5353 for itself"),))
            ),
            PROBLEM,
            "End that program",
        ),
        (
            MulticastFacts(probe=MulticastProbe(works=("eth0",), swallowed=("eth1",))),
            OK,
            "works on eth0",
        ),
        (replace(WORKS, node_problem="the port is held"), WARNING, "the node says: the port is held"),
        (
            replace(WORKS, reached=("h2", "h3")),
            WARNING,
            "h2, h3 can be reached, but not heard by multicast: ",
        ),
        (
            replace(WORKS, reached=("h2",), silent_s=SILENT_S + 60),
            WARNING,
            "not heard by multicast for 3 min: the network between the machines doesn't carry it",
        ),
        (replace(WORKS, reached=("h2",)), WARNING, "AP isolation"),
        (replace(WORKS, reached=("h2",), silent_s=SILENT_S - 1), OK, "works"),
        (
            MulticastFacts(probe=MulticastProbe(works=("eth0",), heard=("a",)), reached=("h2",)),
            OK,
            "works",
        ),
    ],
)
def test_multicast(facts: MulticastFacts, level: Level, says: str) -> None:
    check(judge_multicast(facts), level, says)


def test_multicast_where_discovery_is_off() -> None:
    assert judge_multicast(None) == []


H2 = MemberFacts(name="h2", online=True)
H3 = replace(H2, name="h3")
CLOSED = MemberFacts(
    name="h2", online=False, link="unreachable", trouble="192.0.2.7:32769: doesn't answer", silent_s=90
)


@pytest.mark.parametrize(
    ("members", "level", "says"),
    [
        ([H2], OK, "h2 answers over the peer port"),
        ([H2, H3], OK, "h2, h3 answer"),
        ([replace(CLOSED, announced=True)], PROBLEM, "h2 is heard by multicast, but a firewall there"),
        ([replace(CLOSED, announced=True)], PROBLEM, "192.0.2.7:32769: doesn't answer"),
        ([replace(CLOSED, announced=True)], PROBLEM, "Let TCP port 32769 in on h2"),
        ([replace(CLOSED, online=True)], PROBLEM, "h2 is heard, but a firewall there"),
        ([CLOSED], WARNING, "h2 is off, or cut off, silent for 2 min: 192.0.2.7:32769"),
        ([replace(CLOSED, silent_s=None), H3], WARNING, "h2 is off, or cut off: "),
        ([CLOSED, replace(CLOSED, name="h3")], PROBLEM, "none of the 2 other machines can be reached"),
        ([CLOSED, replace(CLOSED, name="h3")], PROBLEM, "AP isolation"),
        ([replace(H2, online=False)], PROBLEM, "a firewall of this machine keeps TCP port 32769 closed"),
        ([replace(H2, online=False)], PROBLEM, "Let TCP port 32769 in here"),
        ([replace(H2, online=False, needs_update=True)], OK, "h2"),  # another check tells
        ([replace(H2, link="refused", online=False)], WARNING, "Start Corral on h2"),
        ([replace(H2, link="not_trusted", online=False)], PROBLEM, "h2 does not trust this machine"),
        (
            [replace(each, link="not_trusted", online=False, trouble="refused us") for each in (H2, H3)],
            PROBLEM,
            "h2, h3 do not trust this machine (refused us): it was removed",
        ),
        ([replace(CLOSED, link="not_trusted"), CLOSED], PROBLEM, "`corral cluster leave`"),
        ([replace(H2, link="not_trusted"), H3], WARNING, "at the addresses of h2 is another machine"),
        ([replace(H2, link="broken", online=False)], WARNING, "`corral logs` on h2"),
        ([replace(H2, link="broken")], OK, "h2"),
        ([replace(H2, link=None)], OK, "h2"),
        ([replace(H2, link=None, online=False)], WARNING, "no address of it is known"),
        ([replace(H2, link=None, online=False, announced=True)], OK, "h2"),  # it will be tried
    ],
)
def test_machines(members: list[MemberFacts], level: Level, says: str) -> None:
    check(judge_members(ReachabilityFacts(members=tuple(members), peer_port=32769)), level, says)


def test_each_machine_gets_its_finding() -> None:
    members = (CLOSED, replace(CLOSED, name="h3", link="refused"), replace(H2, name="h4"))
    found = judge_members(ReachabilityFacts(members=members, peer_port=32769))
    assert [each.level for each in found] == [WARNING, WARNING]
    assert judge_members(ReachabilityFacts(members=(), peer_port=32769)) == []


@pytest.mark.parametrize(
    ("tried", "level", "says"),
    [
        ({"192.0.2.7:32769": None, "192.0.2.8:32769": "doesn't answer"}, OK, "at 192.0.2.7:32769 something"),
        ({"192.0.2.7:32769": "refuses connections"}, WARNING, "192.0.2.7:32769: refuses connections"),
        ({"192.0.2.7:32769": "doesn't answer"}, WARNING, "TCP port 32769"),
    ],
)
def test_known_addresses(tried: dict[str, str | None], level: Level, says: str) -> None:
    check(judge_addresses(AddressFacts(tried=tried)), level, says)


def test_no_known_addresses() -> None:
    assert judge_addresses(AddressFacts(tried={})) == []


ALONE = ClusterFacts(router="h1")
THREE = replace(ALONE, members=3)
WAITING = {"state": "waiting", "cluster_name": "home", "code": "123 456", "error": None}
FAILED = {"state": "failed", "cluster_name": None, "code": None, "error": "no other cluster is found"}


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (ALONE, OK, "alone, and no other one that runs Corral was heard so far"),
        (replace(ALONE, strangers=2), OK, "others that run Corral are there (2)"),
        (replace(ALONE, joining=WAITING), WARNING, "waits to be let into home"),
        (replace(ALONE, joining=WAITING), WARNING, "123 456"),
        (replace(ALONE, joining=FAILED), WARNING, "no other cluster is found"),
        (THREE, OK, "3 machines, the router is h1"),
        (replace(THREE, router=None), PROBLEM, "no router"),
    ],
)
def test_the_state_of_the_cluster(facts: ClusterFacts, level: Level, says: str) -> None:
    check(judge_cluster(facts), level, says)


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({"conflicts": ("another machine at x has this one's identity",)}, PROBLEM, "Stop the copy"),
        ({"skews_s": (("h2", 31.0),)}, WARNING, "the clock of h2 is 31 s ahead of"),
        ({"skews_s": (("h2", 29.0), ("h3", -300.0))}, WARNING, "h3 is 300 s behind"),
        (
            {"outdated": (("h2", "0.9"),), "own_version": "3.0"},
            PROBLEM,
            "h2 runs version 0.9, this machine 3.0",
        ),
        ({"name_strangers": ("192.0.2.9",)}, WARNING, "192.0.2.9 answers to the cluster's name"),
        ({"unreadable": ("'x': no node",)}, WARNING, "can't be read: 'x'"),
        ({"splits": ("A minute ago h2, h3 fell silent together",)}, WARNING, "fell silent"),
    ],
)
def test_what_is_wrong_in_the_cluster(changes: dict[str, Any], level: Level, says: str) -> None:
    state, *wrong = judge_cluster(replace(THREE, **changes))
    assert state.level is OK
    check(wrong, level, says)


FILES = ClusterFileFacts(cluster_file=Path("/data/cluster.json"))
LEDGER = DatabaseFacts(path=Path("/data/cluster-1.db"), exists=True, known_version=1, version=1)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (FILES, OK, "none yet"),
        (replace(FILES, ledger=replace(LEDGER, exists=False)), OK, "none yet"),
        (replace(FILES, ledger=LEDGER), OK, "whole"),
        (
            replace(FILES, ledger=replace(LEDGER, error="no page")),
            PROBLEM,
            "comes back from the other machines",
        ),
        (replace(FILES, ledger=replace(LEDGER, version=2)), PROBLEM, "Start the newer Corral"),
        (replace(FILES, cluster_error="no id"), PROBLEM, "/data/cluster.json is damaged: no id"),
        (replace(FILES, identity_error="the key is gone"), PROBLEM, "the key is gone"),
    ],
)
def test_files(facts: ClusterFileFacts, level: Level, says: str) -> None:
    check(judge_cluster_files(facts), level, says)

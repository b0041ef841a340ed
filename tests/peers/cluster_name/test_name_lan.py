"""The cluster's name on a real LAN, looked up by a computer without Corral."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.driven import Driven
from tests.cluster.lan import Lan

Start = Callable[..., Driven]
CLIENT = "h3"
FOLLOWS_IN_S = 8.0  # what was said last is forgotten after 10 s without any goodbye


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(3) as made:
        yield made


@pytest.fixture
def start(lan: Lan, tmp_path: Path) -> Start:
    def started(host: str, **settings: Any) -> Driven:
        given = {
            "node": "ABCDEFG"[int(host[1:]) - 1] * 52,
            "boot": "b" * 16,
            "friends": [
                address for each in lan.hosts for address in (lan.address(each), lan.link_local(each))
            ],
            **settings,
        }
        driven = Driven(lan, host, tmp_path, "tests.cluster.discovery_driver", json.dumps(given))
        driven.event("started")
        return driven

    return started


def found(driven: Driven) -> str:
    return str(driven.event("label")["label"])


def until_resolves(lan: Lan, name: str, wanted: tuple[str, ...]) -> None:
    end = time.monotonic() + FOLLOWS_IN_S
    while (found := lan.resolve(CLIENT, name)) != wanted:
        assert time.monotonic() < end, f"{name} is {found} instead of {wanted}"


def test_a_client_finds_the_router_by_both_protocols(lan: Lan, start: Start) -> None:
    router = start("h1")
    router.tell("claim", "corral")
    assert found(router) == "corral"
    assert lan.resolve(CLIENT, "corral.local") == (lan.address("h1"),)
    (address,) = lan.resolve(CLIENT, "corral.local", family=6)
    assert address.partition("%")[0] == lan.link_local("h1")


def test_a_client_follows_from_router_to_router(lan: Lan, start: Start) -> None:
    for host in ("h1", "h2"):
        lan.popen(host, [*SERVE, host])
    first, second = start("h1"), start("h2")
    first.tell("claim", "corral")
    assert found(first) == "corral"
    assert lan.curl(CLIENT, "http://corral.local:8000/", *RETRY) == "h1"
    first.kill()
    second.tell("takeover", "corral")
    second.ask("name")
    until_resolves(lan, "corral.local", (lan.address("h2"),))
    assert lan.curl(CLIENT, "http://corral.local:8000/", *RETRY) == "h2"


def test_a_planned_change_leaves_the_successors_name_alone(lan: Lan, start: Start) -> None:
    first, second = start("h1"), start("h2")
    first.tell("claim", "corral", lan.address("h2"), lan.link_local("h2"))
    assert found(first) == "corral"
    assert lan.resolve(CLIENT, "corral.local")
    second.tell("takeover", "corral")
    until_resolves(lan, "corral.local", (lan.address("h2"),))
    first.tell("release")
    assert first.ask("name")["addresses"] == []
    assert lan.resolve(CLIENT, "corral.local") == (lan.address("h2"),)


def test_standbys_are_named_too(lan: Lan, start: Start) -> None:
    router = start("h1")
    router.tell("claim", "corral", lan.address("h2"), f"{lan.link_local('h2')}%7")
    assert found(router) == "corral"
    both = {lan.address(host) for host in ("h1", "h2")} | {lan.link_local(host) for host in ("h1", "h2")}
    assert set(router.ask("name")["addresses"]) == both
    assert lan.resolve(CLIENT, "corral.local")[0] in both


def test_goodbye_takes_the_name_back(lan: Lan, start: Start) -> None:
    router = start("h1")
    router.tell("claim", "corral")
    assert found(router) == "corral"
    until_resolves(lan, "corral.local", (lan.address("h1"),))
    router.stop()
    assert router.errors() == ""
    until_resolves(lan, "corral.local", ())


def test_two_clusters_take_two_names(lan: Lan, start: Start) -> None:
    first = start("h1", friends=[])
    first.tell("claim", "corral")
    assert found(first) == "corral"
    second = start("h2", friends=[], cluster="1" * 32)
    second.tell("claim", "corral")
    assert found(second) == "corral-2"
    assert lan.resolve(CLIENT, "corral-2.local") == (lan.address("h2"),)


def test_of_two_clusters_that_meet_one_keeps_its_name(lan: Lan, start: Start) -> None:
    lan.switch("h2", 1)
    routers = [start("h1", friends=[]), start("h2", friends=[], cluster="1" * 32)]
    for router in routers:
        router.tell("claim", "corral")
        assert found(router) == "corral"
        router.forget()
    lan.switch("h2", 0)
    labels: list[str] = []
    while sorted(labels) != ["corral", "corral-2"]:
        labels = [router.ask("name")["label"] for router in routers]
        assert labels in (["corral", "corral"], ["corral", "corral-2"], ["corral-2", "corral"])


def test_a_stranger_that_says_the_name_later_raises_a_warning(lan: Lan, start: Start, tmp_path: Path) -> None:
    friends = [lan.address("h1"), lan.link_local("h1")]
    router, member = start("h1", friends=friends), start("h2", friends=friends)
    router.tell("claim", "corral")
    assert found(router) == "corral"
    Driven(lan, CLIENT, tmp_path, "tests.cluster.stranger", "name", "corral.local.", lan.address(CLIENT))
    for one in (router, member):
        warning = one.event("strangers")
        assert warning["strangers"] == [lan.address(CLIENT)]
    assert router.ask("name")["label"] == "corral"


RETRY = ("--retry", "10", "--retry-connrefused", "--retry-delay", "0")
SERVE = ("python3", "-c", """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("", 8000), Answer).serve_forever()
""")  # fmt: skip

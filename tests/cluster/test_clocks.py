"""Machines whose clocks are two hours ahead and a year behind are members like any other; so are those whose clocks jump."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import all_in_one
from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, one_router, wait_for
from tests.cluster.wrong_clock import WrongClock, build_library

AHEAD_S = 2 * 3_600
BEHIND_S = -365 * 86_400
USER = {"username": "anna", "password": "correct horse battery", "role": "admin"}


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, WrongClock]:
    """Those that are wrong, by host."""
    folder = tmp_path_factory.mktemp("clocks")
    library = build_library(folder)
    return {
        host: WrongClock(library, folder / host, ahead_s=ahead_s)
        for host, ahead_s in (("h2", AHEAD_S), ("h3", BEHIND_S))
    }


@pytest.fixture(scope="module")
def machines(
    tmp_path_factory: pytest.TempPathFactory, clocks: dict[str, WrongClock]
) -> Iterator[list[Machine]]:
    """One that is right, one ahead, one behind; each has a model of its own, and the right one let the others in."""
    folder = tmp_path_factory.mktemp("machines")
    with Lan(3) as lan:
        machines: list[Machine] = []
        try:
            settings: dict[str, str] = {}
            for host in lan.hosts:
                models = folder / f"models-{host}"
                models.mkdir()
                (models / f"of-{host}.echo").touch()
                clock = clocks[host].environment if host in clocks else {}
                machines.append(
                    Machine(lan, host, folder / host, models=models, settings={**settings, **clock})
                )
                if not settings:
                    machines[0].wait_until_ready()
                    settings = {
                        "CORRAL_JOIN_TOKEN": machines[0].corral("cluster", "invite", "--uses", "2").split()[0]
                    }
            wait_for(
                lambda: all_in_one(machines), within_s=120, what=lambda: [each.output() for each in machines]
            )
            yield machines
        finally:
            for machine in machines:
                machine.close()


@pytest.fixture(params=["h1", "h2", "h3"])
def router(request: pytest.FixtureRequest, machines: list[Machine]) -> Machine:
    """Each of them reigns once."""
    return reigning(machines, request.param)


def reigning(machines: list[Machine], name: str) -> Machine:
    """Let this one be the router."""
    if one_router(*machines) != name:
        machines[0].corral("cluster", "handover", name)
        wait_for(lambda: one_router(*machines) == name)
    return next(each for each in machines if each.name == name)


def ask(machine: Machine, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
    """The answer's document; fails if it is an error."""
    answer = machine.ask(method, path, body, key=key)
    assert answer.is_success, answer.text
    return answer.json()


def status(machine: Machine, key: str) -> int:
    return machine.ask("GET", "/v1/models", key=key).status_code


def test_every_machine_answers_and_takes_new_keys_whoever_is_router(
    machines: list[Machine], router: Machine
) -> None:
    key = ask(router, "POST", "/v0/api-keys", {"name": f"by {router.name}", "scopes": ["api"]})["key"]
    for asked in machines:
        for answering in machines:
            body = {
                "model": f"of-{answering.name}",
                "messages": [{"role": "user", "content": "good morning"}],
            }
            answer = asked.ask("POST", "/v1/chat/completions", body, key=key)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-corral-node"] == answering.name


@pytest.mark.parametrize(("maker", "revoker"), [("h2", "h3"), ("h2", "h1"), ("h1", "h3")])
def test_what_is_done_later_wins_whatever_the_clocks_say(
    machines: list[Machine], maker: str, revoker: str
) -> None:
    first = reigning(machines, maker)
    made = ask(first, "POST", "/v0/api-keys", {"name": "brief", "scopes": ["api"]})
    ask(first, "PUT", "/v0/cluster", {"name": f"named-by-{maker}"})
    then = reigning(machines, revoker)
    ask(then, "DELETE", f"/v0/api-keys/{made['id']}")
    ask(then, "PUT", "/v0/cluster", {"name": f"named-by-{revoker}"})
    for each in machines:
        wait_for(lambda each=each: status(each, made["key"]) == 401)  # type: ignore[misc]
        wait_for(lambda each=each: each.local()["cluster"]["name"] == f"named-by-{revoker}")  # type: ignore[misc]


def test_wrong_clocks_are_shown(machines: list[Machine]) -> None:
    warnings = " ".join(machines[0].local()["warnings"])
    assert "the clock of h2 is 7200 s ahead of this machine's" in warnings, warnings
    assert "the clock of h3 is 31536000 s behind this machine's" in warnings, warnings
    seen = {each["name"]: each["clock_skew_s"] for each in machines[1].local()["nodes"]}
    assert seen["h1"] == pytest.approx(-AHEAD_S, abs=5)
    assert seen["h3"] == pytest.approx(BEHIND_S - AHEAD_S, abs=5)


def signed_in(machine: Machine) -> str:
    """A new session's token."""

    def login() -> httpx.Response:
        body = {"username": USER["username"], "password": USER["password"]}
        return httpx.post("http://127.0.0.1:32768/v0/auth/login", json=body, timeout=60, trust_env=False)

    answer = machine.inside(login)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def test_a_session_that_began_ahead_goes_on_behind(machines: list[Machine]) -> None:
    ahead = reigning(machines, "h2")
    ask(ahead, "POST", "/v0/users", USER)
    session = signed_in(machines[0])
    for name in ("h1", "h3"):
        reigning(machines, name)
        for each in machines:
            assert ask(each, "GET", "/v0/auth/me", key=session)["user"]["username"] == USER["username"]


@pytest.mark.parametrize("jump_s", [AHEAD_S, BEHIND_S])
def test_a_clock_that_jumps_disturbs_nobody(
    machines: list[Machine], clocks: dict[str, WrongClock], jump_s: int
) -> None:
    clocks["h2"].set(0)
    router = reigning(machines, "h2")
    limits = {"name": f"limited {jump_s}", "scopes": ["api"], "requests_per_minute": 2}
    key = ask(router, "POST", "/v0/api-keys", limits)["key"]
    session = signed_in(router)
    term = router.cluster()["term"]
    chat = {"model": "of-h1", "messages": [{"role": "user", "content": "good morning"}]}
    assert router.ask("POST", "/v1/chat/completions", chat, key=key).status_code == 200
    clocks["h2"].set(jump_s)
    answers = [machines[0].ask("POST", "/v1/chat/completions", chat, key=key)]
    assert answers[0].status_code == 200, answers[0].text
    while answers[-1].status_code == 200 and len(answers) < 6:  # a new minute may begin between two
        answers.append(machines[0].ask("POST", "/v1/chat/completions", chat, key=key))
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) <= 120
    assert ask(machines[0], "GET", "/v0/auth/me", key=session)["user"]["username"] == USER["username"]
    assert router.cluster()["term"] == term
    assert one_router(*machines) == "h2"

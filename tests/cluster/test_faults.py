"""What machines and networks do to a cluster of three: killed, cut off, split, asleep, moved."""

import asyncio
import json
import signal
import time
from collections.abc import Sequence

import httpx

from tests.cluster.conftest import MODEL
from tests.cluster.machine import PORT, Machine, one_router, wait_for

CHAT = {
    "model": MODEL,
    "stream": True,
    "max_tokens": 60,
    "temperature": 0,
    "messages": [{"role": "user", "content": "Tell me a story about a farm."}],
}


def router_and_others(machines: Sequence[Machine]) -> tuple[Machine, list[Machine]]:
    name = one_router(*machines)
    assert name is not None
    return next(each for each in machines if each.name == name), [
        each for each in machines if each.name != name
    ]


def new_key(machine: Machine, name: str) -> tuple[str, str]:
    """Id and text of a new API key."""
    answer = machine.ask("POST", "/v0/api-keys", {"name": name, "scopes": ["api"]})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["key"]


def works(machine: Machine, key: str) -> bool:
    try:
        return machine.ask("GET", "/v1/models", key=key).status_code == 200
    except httpx.HTTPError:
        return False


def is_at(asked: Machine, machine: Machine, address: str) -> bool:
    """Whether a machine is heard, and says that it is there only."""
    node = next(each for each in asked.cluster()["nodes"] if each["name"] == machine.name)
    return bool(node["online"]) and node["addresses"] == [f"{address}:32769"]


async def _stream(http: httpx.AsyncClient, begun: asyncio.Event, count: list[int]) -> list[str]:
    """The data of one streamed chat."""
    data: list[str] = []
    async with http.stream("POST", "/v1/chat/completions", json=CHAT) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                if not data:
                    count[0] += 1
                    if count[0] >= 5:
                        begun.set()
                data.append(line.removeprefix("data: "))
    return data


async def _twenty_streams(key: str, when_begun: asyncio.Event) -> list[list[str]]:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"authorization": f"Bearer {key}"},
        timeout=120,
        trust_env=False,
    ) as http:
        count = [0]
        return list(await asyncio.gather(*(_stream(http, when_begun, count) for _ in range(20))))


def test_killing_the_router_under_load_loses_no_request_that_had_no_answer_yet(
    whole: list[Machine],
) -> None:
    router, others = router_and_others(whole)
    _, key = new_key(router, "load")

    async def run() -> list[list[str]]:
        begun = asyncio.Event()
        streams = asyncio.create_task(_twenty_streams(key, begun))
        await begun.wait()
        router.kill()
        return await streams

    answers = others[0].inside_async(run)
    assert len(answers) == 20
    for data in answers:
        assert data[-1] == "[DONE]"
        assert "error" in json.loads(data[-2]) or json.loads(data[-3])["choices"], data[-3:]
    assert any("error" not in json.loads(data[-2]) for data in answers)
    assert works(others[0], key)
    assert works(others[1], key)


def test_a_pulled_cable_moves_the_router_and_back_in_it_follows(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    _, key = new_key(router, "cable")
    router.lan.cable(router.host, in_=False)
    wait_for(lambda: one_router(*others) not in (None, router.name), what=lambda: others[0].output())
    assert all(works(each, key) for each in others)
    router.lan.cable(router.host, in_=True)
    wait_for(
        lambda: one_router(*whole) is not None, within_s=30
    )  # which of the two depends on how long it was out
    assert all(works(each, key) for each in whole)


def test_both_sides_of_a_split_serve_and_what_they_wrote_is_kept(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    revoked, old = new_key(router, "old")
    cut_off = others[0]
    rest = [each for each in whole if each is not cut_off]
    cut_off.lan.switch(cut_off.host, 1)
    wait_for(lambda: cut_off.router() == cut_off.name, what=cut_off.output)
    _, here = new_key(cut_off, "made there")
    _, there = new_key(rest[0], "made here")
    assert cut_off.ask("DELETE", f"/v0/api-keys/{revoked}").status_code == 200
    assert not works(cut_off, there)
    assert works(rest[0], old)
    cut_off.lan.switch(cut_off.host, 0)
    wait_for(lambda: one_router(*whole) is not None, within_s=30)
    for machine in whole:
        wait_for(lambda machine=machine: works(machine, here) and works(machine, there))  # type: ignore[misc]
        wait_for(lambda machine=machine: not works(machine, old))  # type: ignore[misc]


def test_a_router_that_slept_follows_when_it_wakes(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    router.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: one_router(*others) not in (None, router.name))
        chosen = one_router(*others)
    finally:
        router.signal(signal.SIGCONT)
    wait_for(lambda: one_router(*whole) is not None, within_s=30)
    assert one_router(*whole) == chosen


def test_a_machine_with_another_address_is_found_again(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    moved, lan = others[0], router.lan
    before = lan.address(moved.host)
    lan.readdress(moved.host, "10.77.0.99")
    try:
        _, key = new_key(router, "moved")
        wait_for(lambda: works(moved, key), within_s=40, what=moved.output)

        wait_for(lambda: is_at(router, moved, "10.77.0.99"), within_s=40, what=router.cluster)
    finally:
        lan.readdress(moved.host, before)
    wait_for(lambda: is_at(router, moved, before), within_s=40, what=router.cluster)


def test_handing_over_fails_no_request(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    _, key = new_key(router, "handover")
    target = others[0]

    async def ask_all_the_time(stop: asyncio.Event) -> list[int]:
        statuses: list[int] = []
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(timeout=30, trust_env=False, headers=headers) as http:
            while not stop.is_set():
                statuses.append((await http.get(f"http://127.0.0.1:{PORT}/v1/models")).status_code)
        return statuses

    async def run() -> list[int]:
        stop = asyncio.Event()
        asking = asyncio.create_task(ask_all_the_time(stop))
        await asyncio.to_thread(router.corral, "cluster", "handover", target.name)
        await asyncio.sleep(0)
        stop.set()
        return await asking

    statuses = others[1].inside_async(run)
    assert statuses
    assert set(statuses) == {200}
    wait_for(lambda: one_router(*whole) == target.name)


def test_a_planned_stop_hands_over_first(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    _, key = new_key(router, "stop")
    router.stop()
    began = time.monotonic()
    assert works(others[0], key)
    assert one_router(*others) not in (None, router.name), time.monotonic() - began

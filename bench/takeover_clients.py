"""Who asks while a router dies: clients that stream at a front door, and one at each URL that asks until it is answered."""

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import httpx

from bench.lan_cluster import MODEL
from tests.cluster.lan import Lan
from tests.cluster.machine import PORT, Machine

CHAT = "/v1/chat/completions"
WORDS = 60  # of a long answer
EVERY_S = 0.05
_GIVE_UP_S = 60.0
_AGAIN_S = 0.02


class Outcome(StrEnum):
    """How a streamed chat ended. LOST: it failed, and no byte of an answer had come."""

    ANSWERED = "answered"
    CUT = "cut"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """One streamed chat. Times are of the monotonic clock; `why` says what was wrong."""

    sent_at: float
    first_at: float | None
    outcome: Outcome
    why: str = ""

    def waited(self, since: float, until: float) -> bool:
        """Whether it was sent before the end of that time, and no byte had come at its beginning."""
        return self.sent_at <= until and (self.first_at is None or self.first_at > since)


def judged(status: int | None, data: Sequence[str]) -> tuple[Outcome, str]:
    """What a stream's events amount to. None: no status came."""
    if status != 200 or not data:
        return Outcome.LOST, f"status {status}, {len(data)} events"
    if "error" in json.loads(data[0]):
        return Outcome.LOST, data[0]
    if data[-1] != "[DONE]":
        return Outcome.CUT, f"it ended after {len(data)} events"
    if len(data) > 1 and "error" in json.loads(data[-2]):
        return Outcome.CUT, data[-2]
    return Outcome.ANSWERED, ""


class Load:
    """Clients on one machine that stream at its front door. A context manager.

    So many each stream one long chat after the other; one more begins a short chat every EVERY_S, whatever becomes of
    the ones before.
    """

    def __init__(self, machine: Machine, *, clients: int, key: str) -> None:
        self.streamed: list[Streamed] = []
        self._machine = machine
        self._clients = clients
        self._key = key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: machine.inside_async(self._run), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        async with door_client(self._key) as http, asyncio.TaskGroup() as tasks:
            for number in range(self._clients):
                tasks.create_task(self._stream_on(http, number))
            while not self._stop.is_set():
                tasks.create_task(self._stream(http, words=3))
                await asyncio.sleep(EVERY_S)

    async def _stream_on(self, http: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(number * 0.1)  # some are at the beginning of an answer and some at its end
        while not self._stop.is_set():
            await self._stream(http, words=WORDS)

    async def _stream(self, http: httpx.AsyncClient, *, words: int) -> None:
        self.streamed.append(await _streamed(http, words))


async def _streamed(http: httpx.AsyncClient, words: int) -> Streamed:
    sent_at, first_at, status = time.monotonic(), None, None
    data: list[str] = []
    failure = ""
    try:
        async with http.stream(
            "POST", CHAT, json=chat(" ".join(["word"] * words), words, stream=True)
        ) as answer:
            status = answer.status_code
            async for line in answer.aiter_lines():
                first_at = first_at or time.monotonic()
                if line.startswith("data: "):
                    data.append(line.removeprefix("data: "))
    except httpx.HTTPError as error:
        failure = f"{type(error).__name__} {error}; "
    outcome, why = judged(status, data)
    return Streamed(sent_at=sent_at, first_at=first_at, outcome=outcome, why=failure + why)


def chat(text: str, words: int, *, stream: bool = False) -> dict[str, object]:
    """The body of a chat."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": words,
        "stream": stream,
    }


def door_client(key: str) -> httpx.AsyncClient:
    """A client of the front door of the machine it runs on."""
    return httpx.AsyncClient(
        base_url=f"http://localhost:{PORT}",
        headers={"authorization": f"Bearer {key}"},
        timeout=_GIVE_UP_S,
        trust_env=False,
        limits=httpx.Limits(max_connections=None),
    )


async def answered_at_door(key: str) -> float:
    """When a short chat at this machine's front door was answered, asked until it was. Raises TimeoutError."""
    async with asyncio.timeout(_GIVE_UP_S), door_client(key) as http:
        while True:
            try:
                if (await http.post(CHAT, json=chat("next", 1))).status_code == 200:
                    return time.monotonic()
            except httpx.HTTPError:
                pass
            await asyncio.sleep(_AGAIN_S)


def answered_at_name(lan: Lan, host: str, url: str, key: str) -> float:
    """The same on a computer without Corral, with curl at the cluster's name. Raises TimeoutError."""
    deadline = time.monotonic() + _GIVE_UP_S
    while time.monotonic() < deadline:
        try:
            lan.curl(
                host,
                f"{url}{CHAT}",
                *("--max-time", "10", "--header", f"authorization: Bearer {key}"),
                *("--json", json.dumps(chat("next", 1))),
            )
        except subprocess.CalledProcessError:
            time.sleep(_AGAIN_S)
        else:
            return time.monotonic()
    raise TimeoutError


def in_background(call: Callable[[], float]) -> Callable[[], float]:
    """Begin it in a thread; the result waits for it and returns what it returns."""
    results: list[float] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()

    def result() -> float:
        thread.join()
        return results[0]

    return result

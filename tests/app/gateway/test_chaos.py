"""Servers that die, hang, fail and cut streams under a steady load: no client may see what another server could avoid.

50 requests per second for 6 s; with CORRAL_CHAOS_S=60 for a minute.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from corral.app.gateway.experience import Experience
from tests.app.api.serving import API_KEY, serving
from tests.app.upstream.asking import endpoint_over, upstream_client
from tests.fakes.openai_server import MODEL, FakeOpenAI, Plan, openai_server

SECONDS = float(os.environ.get("CORRAL_CHAOS_S", "6"))
PER_SECOND = 50
WORDS = [f" word{number}" for number in range(8)]
TEXT = "".join(WORDS)
_TIMEOUT_S = 5.0  # of a server


def rest_of(wanted: Any) -> list[str]:
    """Goes on with the beginning of an answer, as llama-server and vLLM do."""
    if "prompt" in wanted:
        said = wanted["prompt"].removeprefix("say it")
    else:
        last = wanted["messages"][-1]
        said = last["content"] if last["role"] == "assistant" else ""
    assert TEXT.startswith(said)
    return [word for number, word in enumerate(WORDS) if len("".join(WORDS[:number])) >= len(said)]


WELL = Plan(words_for=rest_of, event_delay_s=0.005)
CUTS = Plan(words_for=rest_of, event_delay_s=0.005, cuts_after=3)
HANGS, FAILS = Plan(hangs=True), Plan(status=500)
STALLS = Plan(words_for=rest_of, event_delay_s=0.005, hangs_after=2)


async def trouble(servers: Sequence[FakeOpenAI], seconds: float) -> None:
    """One thing after the other; one of the three is always well."""
    a, _, c = servers
    quarter = seconds / 4

    async def be(*plans: Plan, dead: FakeOpenAI | None = None) -> None:
        for server, plan in zip(servers, plans, strict=True):
            server.plan = plan
        if dead is not None:
            await dead.stop()
        await asyncio.sleep(quarter)
        if dead is not None:
            await dead.start()

    await be(WELL, CUTS, FAILS)
    await be(WELL, WELL, CUTS, dead=a)
    await be(WELL, HANGS, CUTS)
    await be(CUTS, WELL, WELL, dead=c)


async def ask(session: aiohttp.ClientSession, number: int) -> str:
    """What is wrong with the answer; empty if nothing is."""
    chat, stream = number % 3 != 0, number % 4 != 0
    body: dict[str, Any] = {"model": MODEL, "stream": stream, "max_tokens": 64}
    body |= {"messages": [{"role": "user", "content": "say it"}]} if chat else {"prompt": "say it"}
    path = "/v1/chat/completions" if chat else "/v1/completions"
    async with session.post(path, json=body) as answer:
        data = await answer.read()
        if answer.status != 200:
            return f"{answer.status} {data[:300]!r}"
    return wrong(data, stream=stream, chat=chat)


def wrong(data: bytes, *, stream: bool, chat: bool) -> str:
    if not stream:
        choice = json.loads(data)["choices"][0]
        text = choice["message"]["content"] if chat else choice["text"]
        return "" if text == TEXT else f"said {text!r}"
    events = [line[6:] for line in data.split(b"\n") if line.startswith(b"data: ")]
    if events[-1] != b"[DONE]" or events.count(b"[DONE]") != 1:
        return f"ended with {events[-1]!r}"
    chunks = [json.loads(each) for each in events[:-1]]
    if failed := [each for each in chunks if "error" in each]:
        return str(failed)
    choices = [choice for each in chunks for choice in each["choices"]]
    text = "".join((each["delta"].get("content") or "") if chat else each["text"] for each in choices)
    if text != TEXT or len({each["id"] for each in chunks}) != 1:
        return f"said {text!r}"
    return "" if choices[-1]["finish_reason"] == "stop" else "has no end"


async def steadily(ask_one: Callable[[int], Coroutine[Any, Any, str]]) -> Counter[str]:
    """Open loop: slow answers hold nobody up."""
    loop = asyncio.get_running_loop()
    began, tasks = loop.time(), []
    for number in range(int(SECONDS * PER_SECOND)):
        await asyncio.sleep(began + number / PER_SECOND - loop.time())
        tasks.append(asyncio.create_task(ask_one(number)))
    return Counter(await asyncio.gather(*tasks))


async def test_nobody_sees_what_another_server_could_avoid(tmp_path: Path) -> None:
    async with upstream_client() as upstream, AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(openai_server(plan=WELL)) for _ in range(3)]
        experience = Experience()
        endpoints = [
            endpoint_over(
                server, upstream, id=f"e{number}", timeout_s=_TIMEOUT_S, file_id="same", experience=experience
            )
            for number, server in enumerate(servers)
        ]
        node = await stack.enter_async_context(serving(tmp_path, endpoints=endpoints, now=time.time))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(node.url, headers={"authorization": f"Bearer {API_KEY}"})
        )
        troubled = asyncio.create_task(trouble(servers, SECONDS))
        seen = await steadily(lambda number: ask(session, number))
        await troubled
        assert seen == {"": int(SECONDS * PER_SECOND)}
        went_on = sum(bool(record.trace.continued_on) for record in node.log.records)
        assert went_on > 0
        assert node.admission.running == node.admission.waiting == 0

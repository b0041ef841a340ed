"""Streams that break and go on elsewhere: what the client sees, who is asked, what is remembered."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from corral.app.gateway.endpoint import Endpoint, GatewayRequest
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pace import Pace
from corral.app.gateway.recording import RequestRecord
from corral.app.gateway.standing import Machine, Reported
from corral.app.history.row import texts_of
from corral.app.upstream.client import UpstreamClient
from corral.engines.errors import InvalidRequest, ShuttingDown, WorkerCrashed
from corral.engines.events import Done, Event, Finished, Started, TextDelta
from corral.engines.requests import ContinuedChat
from tests.app.gateway.machines import Machines, asking, read
from tests.app.gateway.scripted import Step
from tests.app.upstream.asking import endpoint_over, events, request, texts
from tests.engines.waiting import until
from tests.fakes.openai_server import MODEL, FakeOpenAI, Plan, openai_server

WORDS = [" one", " two", " three", " four"]
BREAKS: Sequence[Step] = (
    Started(prompt_tokens=10, cached_tokens=4),
    TextDelta(index=0, text=" one"),
    TextDelta(index=0, text=" two"),
    WorkerCrashed("gone"),
)
GOES_ON: Sequence[Event] = (
    Started(prompt_tokens=12, cached_tokens=0),
    TextDelta(index=0, text=" three"),
    TextDelta(index=0, text=" four"),
    Finished(index=0, reason="stop"),
    Done(prompt_tokens=12, completion_tokens=2),
)


def two(first: Sequence[Step] = BREAKS, second: Sequence[Step] = GOES_ON) -> Machines:
    there = Machines("a", "b")
    there.pools["a"].script, there.pools["b"].script = first, second
    return there


async def streamed(there: Machines, asked: GatewayRequest) -> bytes:
    return await read((await there.gateway.forward(asked)).body)


def whole_text(stream: bytes) -> str:
    return "".join(texts(stream))


async def test_the_client_sees_one_answer() -> None:
    there = two()
    asked = asking("count", max_tokens=9, stream_options={"include_usage": True})
    stream = await streamed(there, asked)
    assert texts(stream) == WORDS
    assert stream.count(b": continued on b\n\n") == 1
    assert stream.endswith(b"data: [DONE]\n\n") and stream.count(b"[DONE]") == 1
    said = events(stream)
    assert len({(each["id"], each["created"], each["model"]) for each in said}) == 1
    roles = [each for each in said if each["choices"] and "role" in each["choices"][0]["delta"]]
    assert len(roles) == 1
    assert [each["choices"][0]["finish_reason"] for each in said if each["choices"]][-1] == "stop"
    assert said[-1]["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    again = there.pools["b"].asked[0]
    assert isinstance(again, ContinuedChat)
    assert (again.answer_so_far, again.generation.max_tokens) == (" one two", 7)


async def test_what_is_remembered_of_it() -> None:
    there = two()
    asked = asking("count")
    record = RequestRecord(
        id="1",
        request_id="r",
        started_at=0.0,
        method="POST",
        path=asked.path,
        client=asked.client,
        trace=asked.trace,
        streamed=True,
        status=200,
    )
    await streamed(there, asked)
    trace = asked.trace
    assert (trace.endpoint_name, trace.continued_on, trace.error_code) == ("a", ("b",), None)
    assert (trace.prompt_tokens, trace.cached_tokens, trace.completion_tokens) == (10, 4, 4)
    kept = json.loads(texts_of(record).answer)
    assert kept["continued_on"] == ["b"]
    assert kept["choices"][0]["message"]["content"] == " one two three four"
    assert kept["choices"][0]["finish_reason"] == "stop"
    failure = there.experience.failures.last(there.endpoints[0].id)
    assert failure is not None and failure.message == "gone"
    assert there.admission.running == 0


async def test_nothing_was_said_yet() -> None:
    there = two([BREAKS[0], WorkerCrashed("gone")])
    there.sums["b"] = "other"  # then the file doesn't matter
    assert texts(await streamed(there, asking("count"))) == [" three", " four"]
    assert not isinstance(there.pools["b"].asked[0], ContinuedChat)


@pytest.mark.parametrize("sums", [("same", "other"), ("", "")])
async def test_another_file_is_no_help(sums: tuple[str, str]) -> None:
    there = two()
    there.sums = dict(zip("ab", sums, strict=True))
    there.pools["a"].script = BREAKS
    stream = await streamed(there, asking("count"))
    assert there.pools["b"].asked == []
    assert len(there.pools["a"].asked) == 2  # it is asked to go on itself, once
    assert events(stream)[-1]["error"]["code"] == "endpoint_failed"
    assert stream.endswith(b"data: [DONE]\n\n")


async def test_the_same_one_goes_on_if_it_is_alone() -> None:
    there = Machines("a")
    gate = asyncio.Event()
    there.pools["a"].script = [*BREAKS[:2], gate, *BREAKS[2:]]
    answer = await there.gateway.forward(asking("count"))
    await anext(answer.body)
    there.pools["a"].script = GOES_ON
    gate.set()
    assert whole_text(await read(answer.body)) == " two three four"


async def test_it_can_be_switched_off() -> None:
    there = two()
    there.continue_streams = False
    stream = await streamed(there, asking("count"))
    assert texts(stream) == WORDS[:2]
    assert events(stream)[-1]["error"]["code"] == "endpoint_failed"


@pytest.mark.parametrize(
    "fields",
    [
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
    ],
)
async def test_what_does_not_go_on(fields: dict[str, Any]) -> None:
    there = two()
    stream = await streamed(there, asking("count", **fields))
    assert there.pools["b"].asked == []
    assert "error" in events(stream)[-1]


async def test_reasoning_does_not_go_on() -> None:
    there = two([BREAKS[0], TextDelta(index=0, text="hm", reasoning=True), WorkerCrashed("gone")])
    assert "error" in events(await streamed(there, asking("count")))[-1]
    assert there.pools["b"].asked == []


async def test_a_wrong_request_does_not_go_on() -> None:
    there = two([*BREAKS[:2], InvalidRequest("the context is full")])
    stream = await streamed(there, asking("count"))
    assert events(stream)[-1]["error"]["message"] == "the context is full"
    assert there.pools["b"].asked == []


async def test_nobody_goes_on_for_a_node_that_stops() -> None:
    there = two([*BREAKS[:2], ShuttingDown("this node stops")])
    there.machines["a"], there.machines["b"] = Machine(local=True), Machine(cpu_percent=99.0, read_at=0.0)
    there.pools["b"].script = [WorkerCrashed("gone")]
    stream = await streamed(there, asking("count"))
    assert events(stream)[-1]["error"]["code"] == "draining"
    assert len(there.pools["a"].asked) == 1


async def test_only_the_end_was_lost() -> None:
    there = two([*BREAKS[:2], Finished(index=0, reason="stop"), WorkerCrashed("gone")])
    asked = asking("count")
    stream = await streamed(there, asked)
    assert texts(stream) == [" one"] and stream.endswith(b"data: [DONE]\n\n")
    assert (there.pools["b"].asked, asked.trace.error_code) == ([], None)


async def test_all_tokens_were_said_but_not_that() -> None:
    there = two()
    stream = await streamed(there, asking("count", max_tokens=2))
    assert events(stream)[-1]["choices"][0]["finish_reason"] == "length"
    assert there.pools["b"].asked == []


async def test_the_one_that_goes_on_breaks_too() -> None:
    there = Machines("a", "b", "c")
    for name, speed in (("a", 900.0), ("b", 500.0), ("c", 100.0)):
        there.reported[name] = Reported(pace=Pace(decode=speed))
    there.pools["a"].script = BREAKS
    there.pools["b"].script = [GOES_ON[0], TextDelta(index=0, text=" three"), WorkerCrashed("gone too")]
    there.pools["c"].script = [
        Started(prompt_tokens=13, cached_tokens=0),
        TextDelta(index=0, text=" four"),
        Finished(index=0, reason="stop"),
        Done(prompt_tokens=13, completion_tokens=1),
    ]
    asked = asking("count")
    assert texts(await streamed(there, asked)) == WORDS
    assert asked.trace.continued_on == ("b", "c")
    assert (asked.trace.prompt_tokens, asked.trace.completion_tokens) == (10, 4)


async def test_it_ends_somewhere() -> None:
    there = Machines(*"abcdef", script=BREAKS)
    stream = await streamed(there, asking("count"))
    assert whole_text(stream) == " one two" * 3
    assert sum(len(pool.asked) for pool in there.pools.values()) == 3
    assert "error" in events(stream)[-1]


async def test_a_client_that_leaves_while_another_goes_on() -> None:
    there = two(second=[*GOES_ON[:2], asyncio.Event()])
    answer = await there.gateway.forward(asking("count"))
    assert isinstance(answer.body, AsyncIterator)
    seen = b""
    while b"three" not in seen:
        seen += await anext(answer.body)
    await answer.body.aclose()  # type: ignore[attr-defined]
    await until(lambda: there.pools["b"].closed == 1, "the work is cancelled")
    assert there.admission.running == 0


async def test_a_client_that_leaves_while_somebody_is_looked_for() -> None:
    there = two(second=[asyncio.Event()])
    reading = asyncio.create_task(streamed(there, asking("count")))
    await until(lambda: bool(there.pools["b"].asked), "b is asked")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: there.pools["b"].closed == 1, "the work is cancelled")
    assert there.admission.running == 0


# --- servers elsewhere


def counting(wanted: Any) -> list[str]:
    """Goes on with an assistant's last message, as llama-server and vLLM do."""
    if "prompt" in wanted:
        said = wanted["prompt"].removeprefix("count")
    else:
        last = wanted["messages"][-1]
        said = last["content"] if last["role"] == "assistant" else ""
    return [word for number, word in enumerate(WORDS) if len("".join(WORDS[: number + 1])) > len(said)]


def gateway_over(*endpoints: Endpoint) -> Gateway:
    return Gateway(endpoints=lambda: endpoints)


async def over(client: UpstreamClient, *fakes: FakeOpenAI, patience_s: float = 30.0) -> Gateway:
    """`patience_s`: with the first one."""
    experience = Experience()
    return gateway_over(
        *(
            endpoint_over(
                fake,
                client,
                id=f"e{number}",
                file_id="x",
                timeout_s=30.0 if number else patience_s,
                experience=experience,
            )
            for number, fake in enumerate(fakes)
        )
    )


BROKEN = [
    {"cuts_after": 2},
    {"ends_after": 2},
    {"fails_after": 2},
    {"hangs_after": 2},
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: next(iter(each)))
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
async def test_servers_that_break_in_every_way(path: str, broken: dict[str, int]) -> None:
    plan = Plan(words_for=counting)
    async with openai_server(plan=plan) as one, openai_server(plan=plan) as other:
        client = UpstreamClient()
        gateway = await over(client, one, other, patience_s=1.0 if "hangs_after" in broken else 30.0)
        one.plans.append(replace(plan, event_delay_s=0.02, **broken))  # type: ignore[arg-type]
        fields: dict[str, Any] = {"stream": True, "max_tokens": 9, "stream_options": {"include_usage": True}}
        if path == "/v1/completions":
            fields["prompt"] = "count"
        asked = request(path, **fields)
        stream = await read((await gateway.forward(asked)).body)
        await client.close()
    said = events(stream)
    choices = [choice for each in said for choice in each["choices"]]
    assert [each.get("text") or each.get("delta", {}).get("content") for each in choices][:4] == WORDS
    assert said[-1]["usage"]["completion_tokens"] == 4
    assert asked.trace.continued_on == ("server e1",) and asked.trace.completion_tokens == 4
    again = other.inferences[0].json
    assert again["max_tokens"] == 7
    if path == "/v1/chat/completions":
        assert again["messages"][-1] == {"role": "assistant", "content": " one two"}
        assert (again["continue_final_message"], again["add_generation_prompt"]) == (True, False)


async def test_a_pool_goes_on_for_a_server_and_the_other_way_round() -> None:
    there = two(first=GOES_ON, second=BREAKS)
    pool, breaking = there.endpoints
    for each in there.sums:
        there.sums[each] = "x"
    async with openai_server(plan=Plan(words_for=counting)) as fake:
        client = UpstreamClient()
        server = endpoint_over(fake, client, names={"m": MODEL}, file_id="corral:x")
        fake.plans.append(Plan(words_for=counting, cuts_after=2))
        for first, second in ((server, pool), (breaking, server)):
            asked = asking("count")
            stream = await read((await gateway_over(first, second).forward(asked)).body)
            assert (whole_text(stream), asked.trace.error_code) == ("".join(WORDS), None)
            assert (asked.trace.endpoint_id, asked.trace.continued_on) == (first.id, (second.name,))
        await client.close()


async def test_a_refusal_to_go_on_leaves_the_error() -> None:
    plan = Plan(words_for=counting)
    async with openai_server(plan=plan) as one, openai_server(plan=plan) as other:
        client = UpstreamClient()
        gateway = await over(client, one, other)
        one.plans.append(replace(plan, cuts_after=2))
        other.plan = Plan(status=400)
        stream = await read((await gateway.forward(request(stream=True))).body)
        await client.close()
    assert "error" in events(stream)[-1] and texts(stream) == WORDS[:2]
    assert stream.endswith(b"data: [DONE]\n\n")

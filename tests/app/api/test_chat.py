"""Chat completions with the official client on a real socket."""

from pathlib import Path

import pytest

from tests.app.api.serving import serving
from tests.engines.echo_files import write_echo

HELLO = "hello wide world"


async def test_a_chat_is_answered(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.openai() as client:
        answer = await client.chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": HELLO}]
        )
    (choice,) = answer.choices
    assert choice.message.content == HELLO
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        3,
        3,
        6,
    )


async def test_a_chat_is_streamed(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.openai() as client:
        stream = await client.chat.completions.create(
            model="parrot",
            messages=[{"role": "user", "content": HELLO}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == HELLO
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_an_unknown_model_is_not_found(tmp_path: Path, stream: bool) -> None:
    async with serving(tmp_path) as node, node.http() as client:
        answer = await client.post(
            "/v1/chat/completions",
            json={"model": "nobody", "messages": [{"role": "user", "content": "hi"}], "stream": stream},
        )
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"

"""The official `anthropic` and `ollama` clients against a running node with real models."""

from collections.abc import Iterator
from typing import Any

import anthropic
import ollama
import pytest

from tests.acceptance.conftest import BASE, CHAT, EMBEDDER
from tests.acceptance.node import API_KEY, Node

QUESTION: Any = [{"role": "user", "content": "What is the capital city of France? Answer in English."}]
GREEDY = {"temperature": 0}  # which newer versions of the client have no word for
ANSWER = "The capital city of France is Paris."
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}


@pytest.fixture
def claude(node: Node) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=node.url, api_key=API_KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def llama(node: Node) -> Iterator[ollama.Client]:
    with ollama.Client(host=node.url, headers={"authorization": f"Bearer {API_KEY}"}) as client:
        yield client


def test_messages_and_their_tokens(claude: anthropic.Anthropic) -> None:
    asked: Any = {"model": CHAT, "messages": QUESTION, "system": "You are a helpful AI assistant."}
    counted = claude.messages.count_tokens(**asked).input_tokens
    answer = claude.messages.create(**asked, max_tokens=30, extra_body=GREEDY)
    (block,) = answer.content
    assert block.type == "text" and answer.stop_reason == "end_turn"
    with claude.messages.stream(**asked, max_tokens=30, extra_body=GREEDY) as stream:
        streamed = stream.get_final_message()
        assert stream.get_final_text() == block.text
    for each in (answer, streamed):
        assert each.usage.input_tokens + (each.usage.cache_read_input_tokens or 0) == counted
    assert streamed.usage.cache_read_input_tokens, "the prompt was read before"


def test_a_message_is_continued_and_stopped(claude: anthropic.Anthropic) -> None:
    begun = [*QUESTION, {"role": "assistant", "content": "The capital city of France is"}]
    answer = claude.messages.create(
        model=CHAT, messages=begun, max_tokens=9, extra_body=GREEDY, stop_sequences=["."]
    )
    (block,) = answer.content
    assert block.type == "text" and block.text.strip() == "Paris"
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", ".")


def test_messages_that_call_tools(claude: anthropic.Anthropic) -> None:
    asked: Any = [{"role": "user", "content": "How warm is it in Paris, in celsius?"}]
    answer = claude.messages.create(
        model=CHAT,
        messages=asked,
        max_tokens=200,
        extra_body={"temperature": 0},  # else a small model may write a name of a town without end
        tools=[WEATHER],
        tool_choice={"type": "any"},
    )
    call = answer.content[0]
    assert call.type == "tool_use" and call.name == "get_weather" and answer.stop_reason == "tool_use"
    assert call.input["unit"] in ("celsius", "fahrenheit")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}
    more: Any = [
        *asked,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]
    assert claude.messages.create(model=CHAT, messages=more, max_tokens=5, tools=[WEATHER]).content


def test_ollamas_chats_and_prompts(llama: ollama.Client) -> None:
    greedy = {"temperature": 0, "num_predict": 30}
    assert llama.chat(CHAT, QUESTION, options=greedy).message.content == ANSWER
    parts = list(llama.generate(f"{CHAT}:latest", QUESTION[0]["content"], options=greedy, stream=True))
    assert "".join(part.response or "" for part in parts) == ANSWER
    assert parts[-1].eval_count == 9 and parts[-1].eval_duration
    assert llama.generate(BASE, "Once upon a", options={"num_predict": 5}).response
    assert CHAT in {str(model.model).split(":")[0] for model in llama.ps().models}


def test_ollamas_vectors(llama: ollama.Client) -> None:
    vectors = llama.embed(EMBEDDER, ["a cat", "a kitten"]).embeddings
    assert [len(vector) for vector in vectors] == [384, 384]
    assert list(llama.embeddings(EMBEDDER, "a cat").embedding) == pytest.approx(list(vectors[0]), abs=1e-3)
    assert llama.show(EMBEDDER).capabilities == ["embedding"]

"""What happens when things die, crowd in, dawdle or lie."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.acceptance.conftest import CHAT
from tests.acceptance.node import API_KEY, Node
from tests.models import synth_gguf

DEADLINE_S = 60.0
HEADERS = {"authorization": f"Bearer {API_KEY}"}


def chat(text: str, *, max_tokens: int = 16, stream: bool = False, model: str = CHAT) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": stream,
    }


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)


def numbers(node: Node) -> dict[str, Any]:
    """The chat model's live numbers."""
    with node.client() as http:
        models = http.get("/v0/node/models").json()["models"]
    found: dict[str, Any] = next(model["live"] for model in models if model["name"] == CHAT)
    return found


@pytest.fixture(scope="module")
def warm(node: Node) -> Node:
    """The node with the chat model loaded."""
    with node.client() as http:
        assert http.post("/v1/chat/completions", json=chat("Hi", max_tokens=1)).status_code == 200
    return node


@pytest.fixture
def crashable(tmp_path: Path, models_folder: Path) -> Iterator[Node]:
    """A node of the test's own."""
    node = Node(tmp_path / "data", models=models_folder)
    try:
        node.wait_until_ready()
        yield node
    finally:
        node.stop()


def test_a_worker_that_dies_mid_answer(crashable: Node) -> None:
    with crashable.client() as http:
        with http.stream(
            "POST", "/v1/chat/completions", json=chat("Tell a story.", max_tokens=200, stream=True)
        ) as r:
            lines = r.iter_lines()
            first = next(line for line in lines if "content" in line)
            (worker,) = crashable.workers()
            worker.kill()
            rest = [line for line in lines if line]
        assert first
        assert any(line.startswith(": continued on") for line in rest)  # by the next worker
        assert rest[-1] == "data: [DONE]"
        end = json.loads(rest[-2].removeprefix("data: "))["choices"][0]
        assert end["finish_reason"] in ("stop", "length")
        again = http.post(
            "/v1/chat/completions", json=chat("What is the capital city of France? Answer in English.")
        )
    assert again.json()["choices"][0]["message"]["content"] == "The capital city of France is Paris."


def test_a_node_that_is_killed_starts_again(crashable: Node) -> None:
    with crashable.client() as http:
        http.post("/v1/chat/completions", json=chat("Hi", max_tokens=1))
        workers = crashable.workers()
        crashable.kill()
    psutil.wait_procs(workers, timeout=DEADLINE_S)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    crashable.start_again()
    with crashable.client() as http:
        assert http.post("/v1/chat/completions", json=chat("Hi", max_tokens=1)).status_code == 200


def test_a_client_that_leaves_stops_the_work(warm: Node) -> None:
    with (
        warm.client() as http,
        http.stream(
            "POST", "/v1/chat/completions", json=chat("Count to ten thousand.", max_tokens=7000, stream=True)
        ) as r,
    ):
        next(line for line in r.iter_lines() if "content" in line)
    wait_until(lambda: numbers(warm)["active"] == 0, "the sequence is freed")


def test_a_client_that_leaves_a_plain_request_stops_the_work(warm: Node) -> None:
    endless = chat("Count to ten thousand.", max_tokens=7000) | {
        "logit_bias": {"0": -100, "2": -100, "4": -100}
    }
    with warm.client() as http, pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json=endless, timeout=1.5)
    wait_until(lambda: numbers(warm)["active"] == 0, "the sequence is freed")


async def test_two_hundred_clients_at_once(warm: Node) -> None:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=warm.url, headers=HEADERS, limits=limits, timeout=300) as http:
        answers = await asyncio.gather(
            *(
                http.post("/v1/chat/completions", json=chat(f"Say {number}.", max_tokens=3))
                for number in range(200)
            )
        )
    assert [answer.status_code for answer in answers] == [200] * 200
    assert all(answer.json()["usage"]["completion_tokens"] <= 3 for answer in answers)


def test_a_client_that_reads_a_byte_at_a_time_holds_nobody_up(warm: Node) -> None:
    body = json.dumps(chat("Tell a long story.", max_tokens=200, stream=True)).encode()
    with socket.create_connection(("127.0.0.1", warm.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {API_KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        slow.sendall(head.encode() + body)
        assert slow.recv(1) == b"H"
        with warm.client() as http:
            for _ in range(5):
                answer = http.post(
                    "/v1/chat/completions",
                    json=chat("What is the capital city of France? Answer in English."),
                )
                assert (
                    answer.json()["choices"][0]["message"]["content"]
                    == "The capital city of France is Paris."
                )
                assert len(slow.recv(1)) == 1


def test_a_long_prompt_does_not_stop_the_others(warm: Node) -> None:
    """Eight answers go on while 1,500 tokens are read (6,000 in the benchmark): none waits for the whole prompt."""

    async def run() -> list[int]:
        async with httpx.AsyncClient(base_url=warm.url, headers=HEADERS, timeout=300) as http:
            started, over = asyncio.Event(), asyncio.Event()
            got = [0] * 8

            async def listen(number: int) -> None:
                request = chat(f"Write a long story about {number}.", max_tokens=400, stream=True)
                async with http.stream("POST", "/v1/chat/completions", json=request) as response:
                    async for line in response.aiter_lines():
                        if over.is_set():
                            return
                        got[number] += "content" in line
                        if min(got) >= 3:
                            started.set()

            listeners = [asyncio.create_task(listen(number)) for number in range(8)]
            await started.wait()
            before = list(got)
            answer = await http.post("/v1/chat/completions", json=chat("word " * 1500, max_tokens=1))
            assert answer.json()["usage"]["prompt_tokens"] > 1500
            during = [after - earlier for after, earlier in zip(got, before, strict=True)]
            over.set()
            await asyncio.gather(*listeners)
            return during

    assert min(asyncio.run(run())) > 5


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"model": "\xff\xfe"}', 400),
        (b"[" * 100_000, 400),
        (b'{"model":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"model":"m","x":"' + b"a" * (33 * 2**20) + b'"}', 413),
    ],
    ids=["cut", "utf-8", "brackets", "deep", "array", "empty", "33 MiB"],
)
def test_bad_bodies(warm: Node, content: bytes, status: int) -> None:
    with warm.client() as http:
        response = http.post(
            "/v1/chat/completions", content=content, headers={"content-type": "application/json"}
        )
        assert response.status_code == status
        assert response.json()["error"]["message"]
        assert http.get("/health").status_code == 200


def test_a_body_without_a_length_is_bounded_too(warm: Node) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"model":"'
        for _ in range(33):
            yield b"a" * 2**20

    with warm.client() as http:
        try:
            response = http.post(
                "/v1/chat/completions", content=endless(), headers={"content-type": "application/json"}
            )
        except httpx.TransportError:
            return  # the node had answered and hung up while we were still sending
        assert response.status_code == 413


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    "template",
    [
        LOOP,
        "{{ 'a' * 10**10 }}",
        "{{ messages.__class__.__mro__ }}",
        "{% raise %}",
        "{{ raise_exception('no') }}",
    ],
    ids=["endless", "memory bomb", "escape", "syntax", "refuses"],
)
def test_a_hostile_template_harms_nobody(tmp_path: Path, template: str) -> None:
    models = tmp_path / "models"
    models.mkdir()
    synth_gguf.write_llama(models / "evil.gguf", chat_template=template)
    synth_gguf.write_llama(models / "good.gguf")
    node = Node(tmp_path / "data", models=models)
    try:
        node.wait_until_ready()
        with node.client() as http:
            evil = http.post("/v1/chat/completions", json=chat("Hi", model="evil"))
            assert evil.status_code in (400, 503), evil.text
            assert evil.json()["error"]["message"]
            good = http.post("/v1/chat/completions", json=chat("Hi", model="good"))
            assert good.status_code == 200
    finally:
        node.stop()

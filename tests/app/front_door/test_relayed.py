"""What a client gets through a follower is what the router answers."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from corral.app.api.asgi_scope import RELAYED
from tests.app.api.serving import API_KEY
from tests.app.front_door.scripted_app import JSON, ready
from tests.app.front_door.two_nodes import two_nodes

MIB = 1024 * 1024


def chat(text: str, *, stream: bool) -> dict[str, object]:
    return {"model": "parrot", "messages": [{"role": "user", "content": text}], "stream": stream}


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, headers, answer.content


async def test_an_answer_and_a_stream(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.openai() as client:
        answer = await client.chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": "one two three"}]
        )
        stream = await client.chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": "one two three"}], stream=True
        )
        words = [event.choices[0].delta.content async for event in stream if event.choices]
        assert len(both.router.node.log.records) == 2 and not both.near.log.records
    assert answer.choices[0].message.content == "one two three"
    assert "".join(word or "" for word in words) == "one two three"
    assert both.router.wire.connections == 1


async def test_it_is_the_same_as_asking_the_router(tmp_path: Path) -> None:
    requests: list[tuple[str, str, bytes | None]] = [
        ("GET", "/v1/models", None),
        ("HEAD", "/v1/models", None),
        ("GET", "/v1/models/parrot", None),
        ("GET", "/v1/models/no/such:one%20here?x=%C3%A4", None),
        ("OPTIONS", "/v1/models", None),
        ("PATCH", "/v1/models", b"{}"),
        ("TRACE", "/v1/models", None),
        ("GET", "/nowhere", None),
        ("GET", "/v0/users", None),
        ("POST", "/v0/users", b"{}"),
        ("POST", "/v1/chat/completions", b"not json"),
        ("POST", "/v1/chat/completions", b""),
        ("POST", "/v0/auth/login", b'{"username": "ada", "password": "wrong"}'),
        ("GET", "/v1//models", None),
    ]
    async with two_nodes(tmp_path) as both, both.door.http() as door, both.router.node.http() as router:
        for method, path, body in requests:
            headers = {"content-type": "application/json", "x-request-id": "mine-1"}
            through = await door.request(method, path, content=body, headers=headers)
            direct = await router.request(method, path, content=body, headers=headers)
            assert comparable(through) == comparable(direct), (method, path)
            assert through.headers["x-request-id"] == "mine-1"
    assert both.router.wire.connections == 1


async def test_headers_and_path_arrive_as_they_were(tmp_path: Path) -> None:
    app = ready(
        status=201,
        headers=[JSON, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"connection", b"close")],
    )
    async with two_nodes(tmp_path, app=app) as both, both.door.http() as client:
        answer = await client.post(
            "/v1/a%2Fb%20c?q=%26",
            headers=[
                ("X-Thing", "1"),
                ("X-Thing", "2"),
                ("Connection", "x-hop"),
                ("X-Hop", "1"),
                ("TE", "trailers"),
            ],
            content=b"{}",
        )
    (scope,) = app.scopes
    names = [name for name, _ in scope["headers"]]
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        "/v1/a/b c",
        b"/v1/a%2Fb%20c",
        b"q=%26",
    )
    assert names.count(b"x-thing") == 2 and not {b"connection", b"x-hop", b"te"} & set(names)
    assert scope["client"][0] == "127.0.0.1" and scope[RELAYED].node_name == "lappy"
    assert answer.status_code == 201
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(tmp_path: Path, status: int) -> None:
    app = ready(status=status, headers=[], pieces=[b""])
    async with two_nodes(tmp_path, app=app) as both, both.door.http() as client:
        for _ in range(2):  # the connection is good for another one
            answer = await client.get("/v1/models")
            assert (answer.status_code, answer.content) == (status, b"")
            assert "transfer-encoding" not in answer.headers


async def test_an_old_client(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both:
        port = int(both.door.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(chat("one two", stream=True)).encode()
        head = f"POST /v1/chat/completions HTTP/1.0\r\nX-API-Key: {API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert b" 200 " in answer.partition(b"\r\n")[0]
    assert b"transfer-encoding" not in answer.lower()
    assert answer.endswith(b"data: [DONE]\n\n")


async def test_expecting_a_go_ahead(tmp_path: Path) -> None:
    app = ready()
    async with two_nodes(tmp_path, app=app) as both:
        port = int(both.door.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert b" 100 " in await reader.readline()
        writer.write(b"{}")
        await reader.readuntil(b" 200 ")
        writer.close()
        await writer.wait_closed()
    assert app.bodies == [b"{}"]
    assert b"expect" not in dict(app.scopes[0]["headers"])


async def test_a_long_upload(tmp_path: Path) -> None:
    body = json.dumps({"model": "parrot", "input": "x" * (20 * MIB)}).encode()

    async def pieces() -> object:
        for at in range(0, len(body), 100_000):
            yield body[at : at + 100_000]

    async with two_nodes(tmp_path) as both, both.door.http() as client:
        for content in (body, pieces()):
            answer = await client.post("/v1/embeddings", content=content)  # type: ignore[arg-type]
            assert answer.status_code == 200, answer.text
        assert [record.request_body == body for record in both.router.node.log.records] == [True, True]


@pytest.mark.parametrize(("path", "limit"), [("/v1/chat/completions", 32 * MIB), ("/v0/users", MIB)])
async def test_a_body_that_is_too_long_is_refused_once(tmp_path: Path, path: str, limit: int) -> None:
    async def pieces() -> object:
        for _ in range(limit // 65_536 + 1):
            yield b"x" * 65_536

    async with two_nodes(tmp_path, router={"trust_loopback": False}) as both, both.door.http(None) as client:
        client.headers["x-api-key"] = await both.router.node.key_with({"api", "admin"})
        for content in (b"x" * (limit + 1), pieces()):
            headers = {"content-type": "application/json"}
            answer = await client.post(path, content=content, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "body_too_large"
        assert (await client.get("/v1/models")).status_code == 200


async def test_a_hundred_streams_at_once(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http() as client:

        async def words(number: int) -> str:
            wanted = chat(f"{number} " * 20, stream=True)
            answer = await client.post("/v1/chat/completions", json=wanted)
            events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
            assert events.pop() == "[DONE]"
            choices = [choice for event in events for choice in json.loads(event)["choices"]]
            return "".join(choice["delta"].get("content") or "" for choice in choices)

        told = await asyncio.gather(*(words(number) for number in range(100)))
    assert [text.split() for text in told] == [[str(number)] * 20 for number in range(100)]


async def test_each_piece_comes_when_it_is_there(tmp_path: Path) -> None:
    app = ready(pieces=[b"one", b"two"])
    app.end.clear()
    async with (
        two_nodes(tmp_path, app=app) as both,
        both.door.http() as client,
        client.stream("GET", "/v1/models") as answer,
    ):
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"one"  # the router has not sent the other one yet
        app.end.set()
        assert await anext(pieces) == b"two"

"""The history over HTTP: what was asked, found again, exported."""

import csv
import io
from pathlib import Path

import httpx
import pytest

from corral.app.history.recorder import Keep
from tests.app.api.serving import ADMIN_KEY, API_KEY, Serving, serving
from tests.app.history.records import record
from tests.engines.echo_files import write_echo

PATH = "/v0/dashboard/request-responses"


async def ask(
    node: Serving, text: str, *, model: str = "parrot", stream: bool = False, key: str | None = API_KEY
) -> int:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    async with node.http(key) as http:
        return (await http.post("/v1/chat/completions", json=body)).status_code


async def listed(node: Serving, admin: httpx.AsyncClient, **query: str | int) -> httpx.Response:
    assert node.recorder is not None
    await node.recorder.flush()
    return await admin.get(PATH, params=query)


async def test_every_request_is_in_the_history(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        assert [
            await ask(node, "good morning"),
            await ask(node, "streamed words", stream=True),
            await ask(node, "hi", model="nobody"),
            await ask(node, "hi", key=None),
        ] == [200, 200, 404, 401]
        async with node.http() as http:
            await http.post("/v1/chat/completions", content=b"{not json")
            await http.post("/v1/responses", json={"model": "parrot", "input": "respond"})
            await http.get("/v1/models")  # asks for nothing to be done
        document = (await listed(node, admin)).json()
        rows = document["requests"]
        assert (document["total"], len(rows)) == (6, 6)
        assert [(row["status"], row["outcome"], row["error_code"]) for row in rows] == [
            (200, "ok", None),
            (400, "refused", "invalid_json"),
            (401, "refused", "missing_credentials"),
            (404, "refused", "model_not_found"),
            (200, "ok", None),
            (200, "ok", None),
        ]
        last = rows[-1]
        assert (last["model"], last["runtime"], last["who"]["kind"]) == ("parrot", "testnode", "api_key")
        assert last["completion_tokens"] == 2 and last["first_token_ms"] is not None
        details = [(await admin.get(f"{PATH}/{row['id']}")).json() for row in rows]
        assert details[-1]["request_body"]["messages"][0]["content"] == "good morning"
        assert details[-1]["answer_body"]["choices"][0]["message"]["content"] == "good morning"
        assert details[-2]["answer_body"]["choices"][0]["message"]["content"] == "streamed words"
        assert details[2]["request_body"] is None  # a stranger's text is not kept


async def test_filters_and_search(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        for text in ("Äpfel und Birnen", "apples and pears", "cherries"):
            await ask(node, text)
        await ask(node, "apples", model="nobody")
        expected = {
            "q=apfel": 1,
            "q=appl": 2,
            "q=and pears": 1,
            "q=apples banana": 0,
            'q=") OR 1=1 --': 0,
            "model=parrot": 3,
            "model=nobody": 1,
            "status=404": 1,
            "status=2xx": 3,
            "status=refused": 1,
            "status=error": 1,
            "user=a": 4,
            "user=b": 0,
            "runtime=testnode": 3,
            "endpoint=testnode": 3,
            "start=2023-11-14T22:13:20Z": 4,
            "start=2023-11-14T22:13:21Z": 0,
            "end=2023-11-14T22:13:21Z": 4,
        }
        found = {}
        for query in expected:
            name, _, value = query.partition("=")
            found[query] = (await listed(node, admin, **{name: value})).json()["total"]
        assert found == expected


async def test_pages(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        for number in range(12):
            await ask(node, f"number{number}")
        first = (await listed(node, admin, per_page=10)).json()
        second = (await listed(node, admin, per_page=10, page=2)).json()
    assert (first["total"], len(first["requests"]), len(second["requests"])) == (12, 10, 2)
    ids = [row["id"] for row in (*first["requests"], *second["requests"])]
    assert len(set(ids)) == 12


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("per_page=11", "per_page"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("status=lost", "status"),
        ("start=yesterday", "start"),
    ],
)
async def test_wrong_queries_name_the_parameter(tmp_path: Path, query: str, param: str) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        answer = await admin.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_unknown_requests(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        answer = await admin.get(f"{PATH}/nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "request_not_found")


async def test_exports(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        empty = await admin.get(f"{PATH}/export?format=json")
        assert empty.json() == []
        for number in range(3):
            await ask(node, f'=cmd|"{number}"')
        await ask(node, "x", model="=1+1")
        assert (await listed(node, admin)).json()["total"] == 4
        answer = await admin.get(f"{PATH}/export?format=json&model=parrot")
        rows = list(csv.DictReader(io.StringIO((await admin.get(f"{PATH}/export")).text)))
    assert answer.headers["content-disposition"].startswith("attachment")
    exported = answer.json()
    assert [each["request_body"]["messages"][0]["content"] for each in exported] == [
        f'=cmd|"{number}"' for number in (2, 1, 0)
    ]
    assert (len(rows), rows[0]["model"], rows[1]["who.name"]) == (4, "'=1+1", "a")


async def test_an_export_is_read_page_by_page(tmp_path: Path) -> None:
    """Rows that are written while it runs don't confuse it, and every row comes once."""
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        assert node.recorder is not None
        for _ in range(1_234):
            node.recorder.put(record())
        await node.recorder.flush()
        async with admin.stream("GET", f"{PATH}/export?format=json") as answer:
            node.recorder.put(record())
            await node.recorder.flush()
            text = b"".join([piece async for piece in answer.aiter_bytes()])
    exported = httpx.Response(200, content=text).json()
    assert len({each["id"] for each in exported}) == len(exported)
    assert len(exported) in (1_234, 1_235)  # the late one may have come before the first page was read


async def test_what_it_can_be_filtered_by(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        await ask(node, "one")
        await ask(node, "two")
        await ask(node, "three", model="nobody")
        await listed(node, admin)
        filters = (await admin.get(f"{PATH}/filters")).json()
    assert [(each["id"], each["requests"]) for each in filters["model"]] == [("parrot", 2), ("nobody", 1)]
    assert [(each["name"], each["requests"]) for each in filters["endpoint"]] == [("testnode", 2)]
    assert [each["id"] for each in filters["runtime"]] == ["testnode"]
    assert [(each["name"], each["requests"]) for each in filters["user"]] == [("a", 3)]


async def test_whether_it_is_written(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as admin:
        assert node.recorder is not None
        recording = (await listed(node, admin)).json()["recording"]
        assert (recording["keep"], recording["paused"], recording["since"]) == ("full", False, None)
        node.recorder.set_keep(Keep.OFF)
        assert (await listed(node, admin)).json()["recording"]["keep"] == "off"

"""POST, GET and DELETE of /v1/responses: a chat completion each, translated and kept."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, NewType

import orjson

from corral.app.gateway.endpoint import Client, GatewayRequest, GatewayResponse
from corral.app.openai.answer_reading import Forward, TranslatedBody, chunks_of
from corral.app.openai.responses.builder import Document, ResponseBuilder, ServerEvent
from corral.app.openai.responses.request import ResponseRequest, chat_body
from corral.app.openai.responses.store import ResponseStore, StoredResponse
from corral.app.openai.sse import CONTENT_TYPE, KEEP_ALIVE
from corral.app.openai.validation import validated
from corral.engines.errors import EngineError

ResponseId = NewType("ResponseId", str)

_EVENT_STREAM = {"content-type": CONTENT_TYPE, "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}


class ResponseNotFound(EngineError):
    """No such response, it has expired, or it belongs to another key."""

    code = "response_not_found"

    def __init__(self, id: str, *, param: str | None = None) -> None:
        super().__init__(
            f"there is no response {id!r}: it was never stored, has expired or was deleted", param=param
        )


class ResponseFailed(EngineError):
    """The chat completion behind a response that isn't streamed ended with an error."""

    code = "response_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One response in the making."""

    builder: ResponseBuilder
    items: list[Any]  # the whole conversation before the answer
    client: Client
    keep: bool


class ResponsesService:
    """`forward` answers chat completions, which is all this needs from the gateway."""

    def __init__(
        self,
        *,
        forward: Forward,
        store: ResponseStore,
        retention_s: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._forward = forward
        self._store = store
        self._retention_s = retention_s
        self._now = now

    async def create(self, request: GatewayRequest) -> GatewayResponse:
        """Raises InvalidRequest, ResponseNotFound and whatever `forward` raises."""
        wanted = validated(ResponseRequest, request.json)
        items = [*await self._history(wanted.previous_response_id, request.client), *wanted.input_items()]
        body = chat_body(wanted, items)
        chat = replace(request, path="/v1/chat/completions", json=body, body=orjson.dumps(body))
        answer = await self._forward(chat)
        if answer.status != 200:
            return answer
        builder = ResponseBuilder(wanted, now=self._now)
        task = _Task(builder=builder, items=items, client=request.client, keep=wanted.store is not False)
        if wanted.stream:
            events = TranslatedBody(self._stream(task, answer), answer)
            headers = {**answer.headers, **_EVENT_STREAM}
            return GatewayResponse(status=200, headers=headers, body=events, streamed=True)
        document = await self._document(task, answer)
        return GatewayResponse(
            status=200, headers={**answer.headers, **_JSON}, body=_once(orjson.dumps(document))
        )

    async def get(self, id: str, client: Client) -> bytes:
        """The response's JSON. Raises ResponseNotFound."""
        return (await self._owned(id, client)).document

    async def input_items(self, id: str, client: Client) -> dict[str, Any]:
        """The list of items that the response answered. Raises ResponseNotFound."""
        stored = await self._owned(id, client)
        items = [
            {"id": f"item_{number}", "type": "message", **item}
            for number, item in enumerate(orjson.loads(stored.input_items))
        ]
        ends = (
            {"first_id": items[0]["id"], "last_id": items[-1]["id"]}
            if items
            else {"first_id": None, "last_id": None}
        )
        return {"object": "list", "data": items, **ends, "has_more": False}

    async def delete(self, id: str, client: Client) -> dict[str, Any]:
        """Raises ResponseNotFound."""
        await self._owned(id, client)
        await self._store.delete(id)
        return {"id": id, "object": "response.deleted", "deleted": True}

    async def _history(self, previous: str | None, client: Client) -> list[Any]:
        if previous is None:
            return []
        stored = await self._owned(previous, client, param="previous_response_id")
        return [*orjson.loads(stored.input_items), *orjson.loads(stored.document)["output"]]

    async def _owned(self, id: str, client: Client, *, param: str | None = None) -> StoredResponse:
        stored = await self._store.get(id)
        if stored is None or stored.api_key_id != client.owner_id:
            raise ResponseNotFound(id, param=param)
        return stored

    async def _stream(self, task: _Task, answer: GatewayResponse) -> AsyncGenerator[bytes, None]:
        """Server-sent events; comments (keep-alive) of the chat stream are passed on."""
        builder = task.builder
        yield _encode(builder.start())
        failed = False
        async with aclosing(chunks_of(answer)) as chunks:
            async for chunk in chunks:
                if chunk is None:
                    yield KEEP_ALIVE
                elif "error" in chunk:
                    failed = True
                    yield _encode(builder.fail(chunk["error"]))
                elif events := builder.feed(chunk):
                    yield _encode(events)
        if not failed:
            yield _encode(await self._finish(task))

    async def _document(self, task: _Task, answer: GatewayResponse) -> Document:
        async with aclosing(chunks_of(answer)) as chunks:
            async for chunk in chunks:
                if chunk is not None and "error" in chunk:
                    message = chunk["error"].get("message", "the answer could not be completed")
                    raise ResponseFailed(str(message))
                if chunk is not None:
                    task.builder.feed(chunk)
        await self._finish(task)
        return task.builder.document

    async def _finish(self, task: _Task) -> list[ServerEvent]:
        events = task.builder.finish()
        if task.keep:
            document = task.builder.document
            now = self._now()
            stored = StoredResponse(
                id=document["id"],
                created_at=now,
                api_key_id=task.client.owner_id,
                document=orjson.dumps(document),
                input_items=orjson.dumps(task.items),
            )
            await self._store.put(stored, expires_at=now + self._retention_s())
        return events


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _encode(events: list[ServerEvent]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events
    )

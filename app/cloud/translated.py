"""Asking a provider whose API is not OpenAI's: requests are translated there, answers back."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from corral.app.cloud.call import CloudCall
from corral.app.cloud.client import CloudClient
from corral.app.cloud.credentials import Credentials
from corral.app.cloud.dialect import Dialect
from corral.app.cloud.errors import CloudFailed
from corral.app.gateway.ability import is_able
from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.event_answer import EventAnswer
from corral.app.gateway.event_merge import EventMerge
from corral.app.gateway.meter import Meters
from corral.app.gateway.pool_endpoint import KEEP_ALIVE_S
from corral.app.openai.sse import data_events
from corral.app.upstream.errors import UpstreamError, UpstreamTimeout
from corral.app.upstream.response import UpstreamResponse
from corral.engines.events import Event

_MOST_DOCUMENT_BYTES = 128 * 1024 * 1024
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)  # of JSON that isn't what was promised


class TranslatedWay:
    """A Way. `meters` are the endpoint's."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        client: CloudClient,
        credentials: Callable[[], Credentials],
        models: Callable[[], Sequence[ServedModel]],
        meters: Meters,
        timeout_s: float,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`timeout_s` bounds each silence of the provider."""
        self._dialect = dialect
        self._client = client
        self._credentials = credentials
        self._models = models
        self._meters = meters
        self._timeout_s = timeout_s
        self._keep_alive_s = keep_alive_s
        self._now = now

    def answers(self, path: str, model: str) -> bool:
        if path not in self._dialect.paths:
            return False
        id = self._meters.listed_name(model)
        found = next((each for each in self._models() if each.id == id), None)
        return found is None or is_able(found.capabilities, path)

    async def answer(self, request: GatewayRequest, name: str) -> GatewayResponse:
        call = self._dialect.call(request.path, request.json, name, now=int(self._now()))
        meter = self._meters.begin(request, warm=True)
        try:
            response = await self._opened(call)
        except BaseException:
            meter.ended()
            raise
        answer = EventAnswer(EventMerge([self._events(call, response)]), meter)
        told = await answer.response(
            stream=call.answer.stream, document=call.answer.document, keep_alive_s=self._keep_alive_s
        )
        if told.streamed:
            request.trace.events = meter.events
        return told

    async def _opened(self, call: CloudCall) -> UpstreamResponse:
        credentials = self._credentials()
        headers = {
            **self._dialect.headers(credentials.api_key or ""),
            "content-type": "application/json",
            "accept-encoding": "identity",
        }
        return await self._client.open(
            credentials.base_url,
            "POST",
            call.path,
            headers=headers,
            body=orjson.dumps(call.body),
            timeout_s=self._timeout_s,
        )

    async def _events(self, call: CloudCall, response: UpstreamResponse) -> AsyncGenerator[Event, None]:
        title = self._dialect.provider.title
        try:
            async with aclosing(_values(call, response)) as values:
                async for value in values:
                    for event in call.reader.event(value) if call.streamed else call.reader.document(value):
                        yield event
            if call.streamed:
                for event in call.reader.end():
                    yield event
        except CloudFailed:
            raise
        except UpstreamTimeout as error:
            raise CloudFailed(f"{title} stopped in the middle of its answer; try again") from error
        except UpstreamError as error:
            raise CloudFailed(f"{title} broke off its answer; try again") from error
        except _UNREADABLE as error:
            raise CloudFailed(f"{title} answered with something that can't be read; try again") from error
        finally:
            await response.aclose()


async def _values(call: CloudCall, response: UpstreamResponse) -> AsyncGenerator[dict[str, Any], None]:
    """The JSON objects of an answer. Raises UpstreamError and ValueError."""
    if not call.streamed:
        yield _object(await response.read(_MOST_DOCUMENT_BYTES))
        return
    async with aclosing(response.chunks()) as chunks:
        async for data in data_events(chunks):
            if data is not None:
                yield _object(data)


def _object(data: bytes) -> dict[str, Any]:
    value = orjson.loads(data)
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return value

"""Answers of the gateway on their way to a client in its own dialect: documents, streams, refusals."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import orjson

from corral.app.dialects.dialect import Dialect
from corral.app.dialects.errors import error_document
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.openai.answer_reading import TranslatedBody, document_of, error_of

_OF_THE_BODY = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


def json_reply(
    document: Mapping[str, Any],
    *,
    answer: GatewayResponse | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> GatewayResponse:
    """A document, with the headers of the answer that it was made of."""
    return GatewayResponse(
        status=status,
        headers={**_passed(answer), **(headers or {}), "content-type": "application/json"},
        body=_once(orjson.dumps(document)),
    )


def stream_reply(
    translation: AsyncGenerator[bytes, None], *, answer: GatewayResponse, content_type: str
) -> GatewayResponse:
    """The translation of a stream; whoever closes it closes the answer."""
    return GatewayResponse(
        status=200,
        headers={**_passed(answer), "content-type": content_type, "cache-control": "no-cache"},
        body=TranslatedBody(translation, answer),
        streamed=True,
    )


async def refused(answer: GatewayResponse, dialect: Dialect) -> GatewayResponse:
    """An endpoint's refusal, whose status isn't 200, in the client's words."""
    error = error_of(await document_of(answer))
    document = error_document(dialect, error, status=answer.status)
    return json_reply(document, answer=answer, status=answer.status)


def _passed(answer: GatewayResponse | None) -> dict[str, str]:
    headers = {} if answer is None else answer.headers
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_BODY}


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

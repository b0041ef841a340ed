"""A record of a request as the rows that the database keeps. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.history.joined import joined_events, joined_stream
from corral.app.history.redaction import is_harmless, is_light, kept, kept_text, redacted
from corral.app.store.database import Value
from corral.app.store.history import HOUR_S

_VECTORS = ("/v1/embeddings", "/api/embed", "/api/embeddings")  # its answers are numbers only

UsageKey = tuple[int, str, str, str, str, str]  # hour, model, endpoint, kind and id of who, address
Usage = tuple[UsageKey, str, tuple[float, ...]]  # with the name of who, and what is added to the sums


class Texts(NamedTuple):
    """What was said, readable."""

    request: str
    answer: str


def request_values(record: RequestRecord) -> tuple[Value, ...]:
    """The row of table `requests`, in the order of its columns, without `number`."""
    trace, who = record.trace, record.client.principal
    return (
        record.id,
        record.request_id,
        record.started_at,
        record.method,
        record.path,
        None if record.model is None else record.model[:500],
        trace.endpoint_id,
        trace.endpoint_name,
        trace.node_name,
        None if who is None else who.kind.value,
        None if who is None else who.id,
        None if who is None else who.name,
        record.client.address,
        record.status,
        record.outcome.value,
        trace.error_code,
        int(record.streamed),
        record.duration_s,
        trace.queued_s,
        trace.first_token_s,
        trace.prompt_tokens,
        trace.cached_tokens,
        trace.completion_tokens,
        record.received_bytes,
        record.answer_bytes,
    )


def texts_of(record: RequestRecord) -> Texts:
    """The bodies, redacted and put together. Takes time with long ones: not for the event loop."""
    return Texts(*texts_of_each([record])[0])


def texts_of_each(records: Sequence[RequestRecord]) -> list[tuple[str, str]]:
    """`texts_of` for each. One look at all of them together is enough for most; where it isn't, each is looked at alone."""
    pairs = [(record.request_body.decode("utf-8", "replace"), *_said(record)) for record in records]
    if _stays('"'.join([f'{asked}"{said}' for asked, said, _ in pairs])):  # with what parts texts in JSON
        return [(asked, said) for asked, said, _ in pairs]
    return [_kept(*pair) for pair in pairs]


def _stays(texts: str) -> bool:
    return is_light(texts) and is_harmless(texts)


def _kept(asked: str, said: str, document: dict[str, Any] | None) -> tuple[str, str]:
    harmless = is_harmless(f'{asked}"{said}')
    return kept(asked, harmless=harmless), kept(said, harmless=harmless, document=document)


def usage_of(record: RequestRecord) -> Usage:
    """What a request adds to whose sums."""
    trace, who = record.trace, record.client.principal
    key = (
        int(record.started_at) // HOUR_S * HOUR_S,
        (record.model or "")[:500],
        trace.endpoint_id or "",
        "" if who is None else who.kind.value,
        "" if who is None else who.id,
        record.client.address,
    )
    added = (
        1,
        record.outcome is Outcome.FAILED,
        record.outcome is Outcome.REFUSED,
        trace.prompt_tokens,
        trace.cached_tokens,
        trace.completion_tokens,
        record.duration_s,
    )
    return key, "" if who is None else who.name, added


def summed(usages: Iterable[Usage]) -> list[tuple[Value, ...]]:
    """The rows of table `usage` to add to what is there, in the order of its columns, without log and number."""
    sums: dict[UsageKey, list[float]] = {}
    names: dict[UsageKey, str] = {}
    for key, name, added in usages:
        names[key] = name
        if (known := sums.get(key)) is None:
            sums[key] = list(added)
        else:
            for place, value in enumerate(added):
                known[place] += value
    return [(*key[:5], names[key], key[5], *values) for key, values in sums.items()]


def _said(record: RequestRecord) -> tuple[str, dict[str, Any] | None]:
    """The answer, and where its pieces had to be put together the document that it is the JSON of."""
    trace = record.trace
    if trace.events is not None:
        document = joined_events(trace.events)
        if trace.error_code is not None:
            document["error"] = {"code": trace.error_code}
    elif record.answers_media:
        return f"[redacted {record.content_type[:100]} len={record.answer_bytes}]", None
    elif record.path in _VECTORS and record.status == 200:
        return f"[{record.answer_bytes} bytes of vectors]", None
    elif record.streamed:
        document = joined_stream(b"".join(record.answer))
    else:
        return b"".join(record.answer).decode("utf-8", "replace"), None
    if trace.continued_on:
        document["continued_on"] = list(trace.continued_on)
    return _json(document), document


def _json(document: dict[str, Any]) -> str:
    try:
        return orjson.dumps(document).decode()
    except orjson.JSONEncodeError:  # what another server said is nested deeper than orjson writes
        return kept_text(redacted(document))

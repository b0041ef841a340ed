"""A stream that goes on at another endpoint when the one that answers breaks off, so that its client sees one answer.

The pieces are passed on as they come and kept; they are read only when the stream breaks. Then another endpoint with
the same model file gets the request again, with the text so far as the beginning of the answer, and its events follow
under the head of the first ones.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog

from corral.app.gateway.endpoint import Endpoint, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.errors import GatewayError
from corral.app.gateway.so_far import CHAT, SoFar, going_on, in_all, may_go_on, so_far, text_of, tokens_left
from corral.app.gateway.trace import Trace
from corral.app.openai import sse
from corral.app.openai.usage import usage
from corral.engines.errors import EngineError, ShuttingDown
from corral.engines.events import Done, Finished, TextDelta

MOST_CONTINUATIONS = 2  # a request that breaks whoever answers it must not break everyone
MOST_KEPT_BYTES = 16 * 1024 * 1024
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer that has begun. Its body holds a slot until it ends or is closed."""

    endpoint: Endpoint
    body: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Broken:
    """An endpoint that broke an answer off."""

    endpoint: Endpoint
    has_text: bool  # the client got some of it
    again: bool = False  # it isn't the first one that this request broke


def who_goes_on(having: Sequence[Endpoint], broken: Broken, model: str) -> list[Endpoint]:
    """Of those that are there and have the model: with a text that goes on, only who has the same file."""
    others = [each for each in having if each.id != broken.endpoint.id]
    if not broken.has_text:
        return others
    file_id = next((each.file_id for each in _served(broken.endpoint, model)), None)
    return [each for each in others if any(_is_same(served, file_id) for served in _served(each, model))]


def goes_on_itself(having: Sequence[Endpoint], broken: Broken, model: str) -> list[Endpoint]:
    """The one that broke, if it is still there: for when nobody else is. Once; a model that crashes thrice is given up."""
    itself = [] if broken.again else [each for each in having if each.id == broken.endpoint.id]
    return [
        each
        for each in itself
        if not broken.has_text or any(served.continues for served in _served(each, model))
    ]


def _served(endpoint: Endpoint, model: str) -> list[ServedModel]:
    listed = (endpoint.listed_name(model) or "").lower()
    return [each for each in endpoint.models() if each.id.lower() == listed]


def _is_same(served: ServedModel, file_id: str | None) -> bool:
    return served.continues and file_id is not None and served.file_id == file_id


Again = Callable[[GatewayRequest, Broken], Awaitable[tuple[Answering, GatewayResponse]]]


class ContinuedBody:
    """The body of a streamed chat or completion, over that of the endpoint that answers first."""

    def __init__(self, request: GatewayRequest, first: Answering, again: Again) -> None:
        """`again` asks another endpoint than the broken one, or that one again, with a request whose answer begins
        with the text so far. It raises as `Gateway.forward` does."""
        self._request = request
        self._answering = first
        self._again = again
        self._trace = request.trace
        self._kept: list[bytes] | None = []
        self._kept_bytes = 0
        self._stitching: _Stitching | None = None
        self._left = MOST_CONTINUATIONS

    def __aiter__(self) -> "ContinuedBody":
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                piece = await anext(self._answering.body)
            except StopAsyncIteration:
                if self._stitching is not None:
                    self._stitching.ended(self._trace)
                raise
            if self._running.broke:
                piece = await self._went_on(piece)
            elif self._stitching is not None:
                piece = self._stitching.stitched(piece)
            if piece:
                self._keep(piece)
                return piece

    async def aclose(self) -> None:
        """Close what answers now."""
        try:
            if close := getattr(self._answering.body, "aclose", None):
                await close()
        finally:
            if self._stitching is not None:
                self._stitching.ended(self._trace)

    @property
    def _running(self) -> Trace:
        """Of the answer that runs now."""
        return self._trace if self._stitching is None else self._stitching.trace

    def _keep(self, piece: bytes) -> None:
        if self._kept is None:
            return
        self._kept.append(piece)
        self._kept_bytes += len(piece)
        if self._kept_bytes > MOST_KEPT_BYTES:
            self._kept = None

    async def _went_on(self, failure: bytes) -> bytes:
        """What the client gets instead of an error event, if that can be."""
        broken, error_code = self._answering.endpoint, self._running.error_code
        stopping = error_code == ShuttingDown.code and broken.machine().local
        said = None if self._kept is None or stopping else so_far(b"".join(self._kept))
        await self.aclose()
        if (
            said is None
            or said.strange
            or not (may_go_on(self._request.path, self._request.json) or not said.text)
        ):
            return failure
        if said.finished:  # only the end was lost
            self._settle()
            return self._end(said, reason=None)
        left = tokens_left(self._request.json, said)
        if said.text and left is not None and left <= 0:
            self._settle()
            return self._end(said, reason="length")
        if not self._left:
            return failure
        self._left -= 1
        return await self._asked_again(broken, said) or failure

    async def _asked_again(self, broken: Endpoint, said: SoFar) -> bytes:
        """The comment that says who goes on; nothing if nobody does."""
        first, again = self._request, self._stitching is not None
        request = replace(first, body=b"", json=going_on(first.path, first.json, said), trace=Trace())
        try:
            answering, answer = await self._again(request, Broken(broken, bool(said.text), again))
        except (EngineError, GatewayError) as error:
            _LOG.info("a broken stream could not go on", model=first.model, error=error.message)
            return b""
        if not answer.streamed:  # it says what is wrong with the request
            if close := getattr(answering.body, "aclose", None):
                await close()
            return b""
        self._answering = answering
        self._settle()
        self._trace.continued_on = (*self._trace.continued_on, answering.endpoint.name)
        self._stitching = _Stitching(said, request.trace, Done(**_counts(self._trace)), self._trace)
        _LOG.info(
            "a broken stream goes on", model=first.model, broken=broken.name, on=answering.endpoint.name
        )
        return _comment(answering.endpoint.name)

    def _settle(self) -> None:
        """It isn't a failure any more."""
        self._trace.error_code, self._trace.broke = None, False

    def _end(self, said: SoFar, *, reason: str | None) -> bytes:
        """The last events, of an answer that was complete."""
        end = sse.DONE
        if reason is not None:
            chat = self._request.path == CHAT
            nothing: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
            choice = {"index": 0, **nothing, "finish_reason": reason}
            kind = "chat.completion.chunk" if chat else "text_completion"
            if self._trace.events is not None:
                self._trace.events.append(Finished(index=0, reason="length"))
            end = sse.event(orjson.dumps({**said.head, "object": kind, "choices": [choice]})) + end
        self._answering = Answering(self._answering.endpoint, _nothing())
        return end


class _Stitching:
    """Makes the events of the endpoint that goes on look as if the first one had said them."""

    def __init__(self, said: SoFar, trace: Trace, first: Done, whole: Trace) -> None:
        self.trace = trace
        self._said = said
        self._first = first
        self._whole = whole
        self._ended = False

    def stitched(self, piece: bytes) -> bytes:
        """Whole events in, whole events out."""
        return b"".join(map(self._event, filter(None, piece.replace(b"\r\n", b"\n").split(b"\n\n"))))

    def ended(self, whole: Trace) -> None:
        """Add up what both took; call it when the second answer has ended."""
        if self._ended:
            return
        self._ended = True
        done = in_all(self._first, self._said, Done(**_counts(self.trace)))
        whole.prompt_tokens, whole.completion_tokens = done.prompt_tokens, done.completion_tokens
        whole.cached_tokens = done.cached_tokens
        whole.error_code = self.trace.error_code
        if whole.first_token_s is None:
            whole.first_token_s = self.trace.first_token_s

    def _event(self, event: bytes) -> bytes:
        if not event.startswith(b"data:"):
            return event + b"\n\n"
        try:
            chunk = orjson.loads(event[5:])
        except orjson.JSONDecodeError:
            return event + b"\n\n"  # [DONE]
        if not isinstance(chunk, dict) or "error" in chunk:
            return event + b"\n\n"
        if not self._needed(chunk):
            return b""
        chunk |= self._said.head
        if isinstance(told := chunk.get("usage"), dict):
            chunk["usage"] = usage(in_all(self._first, self._said, _done_of(told)))
        return sse.event(orjson.dumps(chunk))

    def _needed(self, chunk: dict[str, Any]) -> bool:
        """Whether the client needs it; notes its text for the history, and takes a second role out."""
        choices = [each for each in chunk.get("choices") or () if isinstance(each, dict)]
        for choice in choices:
            delta = choice.get("delta")
            if isinstance(delta, dict) and self._said.began:
                delta.pop("role", None)
            self._note(choice)
        if not choices or chunk.get("usage"):
            return True
        return any(each.get("finish_reason") or text_of(each) or _more(each) for each in choices)

    def _note(self, choice: dict[str, Any]) -> None:
        events = self._whole.events
        if events is None:
            return
        if text := text_of(choice):
            events.append(TextDelta(index=0, text=text))
        if reason := choice.get("finish_reason"):
            events.append(Finished(index=0, reason=reason))


def _more(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name != "content")


def _comment(name: str) -> bytes:
    return b": continued on %b\n\n" % " ".join(name.split()).encode("utf-8", "replace")


def _counts(trace: Trace) -> dict[str, int]:
    return {
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
        "cached_tokens": trace.cached_tokens,
    }


def _done_of(told: dict[str, Any]) -> Done:
    def number(name: str) -> int:
        return value if isinstance(value := told.get(name), int) else 0

    return Done(prompt_tokens=number("prompt_tokens"), completion_tokens=number("completion_tokens"))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""

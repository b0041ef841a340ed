"""How many tokens an answer took, as its server says: read out of its JSON without building the rest. Pure."""

from typing import Any

import msgspec

from corral.engines.events import Done


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: Any = 0


class _CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: Any = 0


class _Usage(msgspec.Struct, frozen=True):
    """Chat and the older routes say prompt and completion, newer ones input and output."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    total_tokens: Any = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class Chunk(msgspec.Struct, frozen=True):
    """What of an answer, or of a piece of one, matters here."""

    usage: _Usage | None = None
    choices: list[msgspec.Raw] | None = None

    @property
    def done(self) -> Done | None:
        """The counts; None if it has none."""
        return None if self.usage is None else _done(self.usage)


_decoder = msgspec.json.Decoder(Chunk)


def read_chunk(data: bytes | memoryview) -> Chunk:
    """Of a JSON text; what can't be read counts as nothing."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return Chunk()


def _done(usage: _Usage) -> Done:
    prompt = _count(usage.prompt_tokens, usage.input_tokens)
    completion = _count(usage.completion_tokens, usage.output_tokens)
    details, more = usage.prompt_tokens_details, usage.completion_tokens_details
    return Done(
        prompt_tokens=prompt or max(0, _count(usage.total_tokens) - completion),
        completion_tokens=completion,
        cached_tokens=0 if details is None else _count(details.cached_tokens),
        reasoning_tokens=0 if more is None else _count(more.reasoning_tokens),
    )


def _count(*values: Any) -> int:
    """The first that is a count."""
    return next((each for each in values if type(each) is int and each >= 0), 0)

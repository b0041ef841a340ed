"""Fingerprints of how prompts begin. Pure.

A fingerprint is a hash over the first so many characters of a prompt. They end where two prompts are likely to part: after
messages, the first and the last few of them, and at 512, 768, 1024, 1536 characters and so on, so that a long prompt has few
of them and a conversation that goes on shares most with its earlier turns. No text can be read from it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Any

from corral.engines.requests import ChatRequest, CompletionRequest, ContinuedChat, Request

FINGERPRINT_BYTES = 8
LENGTHS = tuple(length << double for double in range(10) for length in (512, 768))  # characters
_FIRST_MESSAGES, _LAST_MESSAGES = 2, 6  # after which there is one
_BY_MODEL = "assistant\x1f"


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of beginnings of one prompt, shortest first."""

    prints: tuple[bytes, ...] = ()
    lengths: tuple[int, ...] = ()  # characters of each beginning
    reaches: tuple[
        int, ...
    ] = ()  # the same with the model's answer that follows: who read the one wrote the other
    characters: int = 0  # of the whole prompt

    def __bool__(self) -> bool:
        return bool(self.prints)

    def shared(self, known: Container[bytes], *, gone: Container[bytes] = ()) -> int:
        """How many first characters are in a cache where these beginnings were read, but for those that are `gone`."""
        for number in range(len(self.prints) - 1, -1, -1):
            if self.prints[number] in known and self.prints[number] not in gone:
                return self.reaches[number]
        return 0


NO_FINGERPRINTS = Fingerprints()


def fingerprints(pieces: Iterable[str]) -> Fingerprints:
    """Of a prompt in pieces: its messages."""
    messages = _beginning(pieces)
    text = "".join(messages)
    reach_of = _ends(messages) | {length: length for length in LENGTHS if length <= len(text)}
    lengths = tuple(sorted(reach_of))
    digest = blake2b(digest_size=FINGERPRINT_BYTES)
    prints: list[bytes] = []
    done = 0
    for length in lengths:
        digest.update(text[done:length].encode("utf-8", "surrogatepass"))
        prints.append(digest.digest())
        done = length
    reaches = tuple(accumulate((reach_of[length] for length in lengths), max))
    return Fingerprints(tuple(prints), lengths, reaches, len(text))


def json_prompt(json: Mapping[str, Any]) -> Iterator[str]:
    """The prompt in the body of a request, which nobody has checked yet."""
    messages, prompt = json.get("messages"), json.get("prompt")
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, dict):
                yield _spoken(message.get("role"), _content(message.get("content")))
    elif isinstance(prompt, str):
        yield prompt


def engine_prompt(request: Request) -> Iterator[str]:
    """The same of a request as a peer gets it."""
    if isinstance(request, ChatRequest):
        for message in request.messages:
            yield _spoken(message.role, message.content or "")
        if isinstance(request, ContinuedChat):
            yield _spoken("assistant", request.answer_so_far)
    elif isinstance(request, CompletionRequest) and isinstance(request.prompt, str):
        yield request.prompt


def _ends(messages: list[str]) -> dict[int, int]:
    """Where messages end that the model did not write → where its answer to them does."""
    ends = list(accumulate(map(len, messages)))
    found: dict[int, int] = {}
    for number, end in enumerate(ends):
        if _FIRST_MESSAGES <= number < len(ends) - _LAST_MESSAGES or end < LENGTHS[0]:
            continue
        if not messages[number].startswith(_BY_MODEL):
            answered = number + 1 < len(ends) and messages[number + 1].startswith(_BY_MODEL)
            found[end] = ends[number + 1] if answered else end
    return found


def _beginning(pieces: Iterable[str]) -> list[str]:
    gathered: list[str] = []
    length = 0
    for piece in pieces:
        gathered.append(piece[: LENGTHS[-1]])
        length += len(gathered[-1])
        if length >= LENGTHS[-1]:
            break
    return gathered


def _spoken(role: object, content: str) -> str:
    return f"{'tool' if role == 'function' else role}\x1f{content}\x1e"


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict)]
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)

"""Fingerprints of how prompts begin, and which endpoint served which of them: there the KV cache may hold them. Pure.

A fingerprint is a hash over the first so many characters of a prompt: at 512, 768, 1024, 1536 and so on, so that a long
prompt has few of them and a conversation that goes on shares most with its earlier turns. No text can be read from it.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.engines.requests import ChatRequest, CompletionRequest, ContinuedChat, Request

FINGERPRINT_BYTES = 8
LENGTHS = tuple(length << double for double in range(10) for length in (512, 768))  # characters
MOST_PER_PLACE = 512
_MOST_PLACES = 1024
_MOST_HOLDERS = 64 * 1024

Fingerprints = tuple[bytes, ...]  # of the lengths in LENGTHS that a prompt reaches, shortest first


def fingerprints(pieces: Iterable[str]) -> Fingerprints:
    """Of a prompt in pieces."""
    text = _beginning(pieces)
    digest = blake2b(digest_size=FINGERPRINT_BYTES)
    found: list[bytes] = []
    done = 0
    for length in LENGTHS:
        if length > len(text):
            break
        digest.update(text[done:length].encode("utf-8", "surrogatepass"))
        found.append(digest.digest())
        done = length
    return tuple(found)


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


def shared_characters(prompt: Fingerprints, known: Collection[bytes]) -> int:
    """How many first characters of a prompt were served before, as far as fingerprints tell."""
    for place in range(len(prompt) - 1, -1, -1):
        if prompt[place] in known:
            return LENGTHS[place]
    return 0


class PrefixMemory:
    """The latest fingerprints of each model at each endpoint."""

    def __init__(self) -> None:
        self._places: OrderedDict[PlaceId, OrderedDict[bytes, float]] = OrderedDict()
        self._holders: OrderedDict[bytes, EndpointId] = OrderedDict()

    def note(self, place: PlaceId, prompt: Fingerprints, *, now: float, most: int = MOST_PER_PLACE) -> None:
        """A prompt was sent there, where about so many fingerprints' beginnings are kept."""
        if not prompt:
            return
        known = self._places.setdefault(place, OrderedDict())
        self._places.move_to_end(place)
        for each in prompt:
            known[each] = now
            known.move_to_end(each)
            self._holders[each] = place[0]
            self._holders.move_to_end(each)
        while len(self._holders) > _MOST_HOLDERS:
            self._holders.popitem(last=False)
        while len(known) > most:
            known.popitem(last=False)
        if len(self._places) > _MOST_PLACES:
            self._places.popitem(last=False)

    def holder(self, prompt: Fingerprints) -> EndpointId | None:
        """Where the longest known beginning of a prompt was sent last."""
        return next(
            (found for each in reversed(prompt) if (found := self._holders.get(each)) is not None), None
        )

    def known(self, place: PlaceId) -> Collection[bytes]:
        """All that are remembered."""
        return self._places.get(place, {}).keys()

    def newest(self, place: PlaceId, most: int, *, since: float = float("-inf")) -> Fingerprints:
        """Those noted after `since`, newest first."""
        found: list[bytes] = []
        for each, at in reversed(self._places.get(place, OrderedDict()).items()):
            if at < since or len(found) == most:
                break
            found.append(each)
        return tuple(found)


def _beginning(pieces: Iterable[str]) -> str:
    gathered, length = [], 0
    for piece in pieces:
        gathered.append(piece[: LENGTHS[-1]])
        length += len(gathered[-1])
        if length >= LENGTHS[-1]:
            break
    return "".join(gathered)


def _spoken(role: object, content: str) -> str:
    return f"{'tool' if role == 'function' else role}\x1f{content}\x1e"


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict)]
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)

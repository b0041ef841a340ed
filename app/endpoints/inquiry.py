"""Asking a server what it is and which models it has."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from msgspec import structs

from corral.app.endpoints import answers as paths
from corral.app.endpoints.answers import Answer, Answers
from corral.app.endpoints.detection import cluster_of, detect, slots_of, version_of
from corral.app.endpoints.errors import NotReached, NotSynced, OwnFrontDoor
from corral.app.endpoints.listing import digest_of, listed_models, told_more
from corral.app.endpoints.offered import MOST_MODELS, Offered
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import UpstreamError
from corral.app.upstream.refusal import message_of
from corral.app.upstream.server import Server, ServerKind

ANSWER_S: Final = 5.0
_MOST_BYTES: Final = 16 * 1024 * 1024
_SHOWN_AT_ONCE: Final = 4
_MOST_SHOWN: Final = 4096
_VOLATILE: Final = frozenset({"created", "permission"})  # of a listed model, other at each answer
_JSON: Final = {"content-type": "application/json"}

Fingerprint = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An answer to the question whether it is well. `fingerprint` is another one when its models changed."""

    latency_s: float
    ids: frozenset[str]
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that can be known of a server."""

    kind: ServerKind
    models: Sequence[Offered]
    latency_s: float
    version: str | None
    slots: int | None
    probe: Probe


class Inquiry:
    """Everything raises NotReached if nobody answers, NotSynced if what answers lists no models."""

    def __init__(
        self,
        *,
        client: UpstreamClient,
        own_cluster: Callable[[], str],
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        answer_s: float = ANSWER_S,
    ) -> None:
        """`own_cluster`: the id of this machine's cluster, whose front doors are no endpoints."""
        self._client = client
        self._own_cluster = own_cluster
        self._now = now
        self._clock = clock
        self._answer_s = answer_s
        self._shown: OrderedDict[tuple[str, str], Mapping[str, Any]] = OrderedDict()  # by endpoint and digest

    async def probe(self, server: Server) -> Probe:
        """Is it well? One question, for most."""
        began = self._clock()
        answer = await self._ask(server, paths.MODELS)
        latency_s = self._clock() - began
        found = Answers(by_path={paths.MODELS: answer})
        listed = found.listed(paths.MODELS, "data")
        if listed is None and answer.status in (404, 405):
            found = Answers(by_path={paths.OLLAMA_TAGS: await self._ask(server, paths.OLLAMA_TAGS)})
            listed = found.listed(paths.OLLAMA_TAGS, "models")
        if listed is None:
            raise _refusal(server, answer)
        return _probe(listed, latency_s)

    async def examine(self, server: Server, *, wanted: ServerKind | None) -> Examination:
        """All questions at the same time; `wanted` is what people said that it is. Raises OwnFrontDoor too."""
        began = self._clock()
        answer = await self._ask(server, paths.MODELS)
        latency_s = self._clock() - began
        others = [path for path in paths.ALL_PATHS if path != paths.MODELS]
        asked = await asyncio.gather(*(self._asked(server, path) for path in others))
        by_path = {path: one for path, one in zip(others, asked, strict=True) if one is not None}
        found = Answers(by_path={paths.MODELS: answer, **by_path})
        if cluster_of(found) == self._own_cluster():
            raise OwnFrontDoor
        kind = wanted or detect(found)
        models = None if kind is None else listed_models(found, kind)
        if kind is None or models is None:
            raise _refusal(server, answer)
        if kind is ServerKind.OLLAMA:
            models = await self._told_more(server, found, models[:MOST_MODELS])
        return Examination(
            kind=kind,
            models=models[:MOST_MODELS],
            latency_s=latency_s,
            version=version_of(found, kind),
            slots=slots_of(found),
            probe=_probe(
                found.listed(paths.MODELS, "data") or found.listed(paths.OLLAMA_TAGS, "models") or (),
                latency_s,
            ),
        )

    async def _told_more(self, server: Server, found: Answers, models: Sequence[Offered]) -> list[Offered]:
        """With what POST /api/show says of each; what doesn't answer stays as it is."""
        few = asyncio.Semaphore(_SHOWN_AT_ONCE)

        async def more(model: Offered) -> Offered:
            key = server.id, digest_of(found, model.id) or model.id
            shown = self._shown.get(key)
            if shown is None:
                async with few:
                    answer = await self._asked(server, paths.OLLAMA_SHOW, {"model": model.id})
                shown = {} if answer is None else _worth_keeping(answer.document)
                if shown:
                    self._shown[key] = shown
                    if len(self._shown) > _MOST_SHOWN:
                        self._shown.popitem(last=False)
            return told_more(model, shown)

        return list(await asyncio.gather(*(more(model) for model in models)))

    async def _asked(self, server: Server, path: str, body: Mapping[str, Any] | None = None) -> Answer | None:
        try:
            return await self._ask(server, path, body)
        except NotReached:
            return None

    async def _ask(self, server: Server, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        method, content = ("GET", b"") if body is None else ("POST", orjson.dumps(body))
        try:
            async with asyncio.timeout(self._answer_s):
                response = await self._client.open(
                    server,
                    method,
                    path,
                    headers={} if body is None else _JSON,
                    body=content,
                    timeout_s=self._answer_s,
                )
                data = await response.read(_MOST_BYTES)
        except UpstreamError as error:
            raise NotReached(error.message) from error
        except TimeoutError as error:
            raise NotReached(
                f"the endpoint {server.name!r} gave no answer within {self._answer_s:g} s"
            ) from error
        return Answer(
            status=response.status,
            json=_decoded(data),
            program=response.headers.get("server", "").split("/")[0],
        )


def dated(models: Sequence[Offered], before: Sequence[Offered], *, now: float) -> list[Offered]:
    """Each with the time when it was listed first: many servers call everything new at each answer. Pure."""
    known = {each.id: each.created for each in before}
    return [structs.replace(each, created=known.get(each.id) or int(now)) for each in models]


def _probe(listed: Sequence[Mapping[str, Any]], latency_s: float) -> Probe:
    names = (each.get("id") or each.get("model") or each.get("name") for each in listed)
    stable = ({name: value for name, value in each.items() if name not in _VOLATILE} for each in listed)
    return Probe(
        latency_s=latency_s,
        ids=frozenset(name for name in names if isinstance(name, str)),
        fingerprint=tuple(
            sorted(orjson.dumps(each, option=orjson.OPT_SORT_KEYS).decode() for each in stable)
        ),
    )


def _worth_keeping(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Without licences and templates, which are long."""
    return {name: shown[name] for name in ("capabilities", "model_info", "modelfile") if name in shown}


def _refusal(server: Server, answer: Answer) -> NotSynced:
    """Why what was answered is no list of models."""
    name, status = f"the endpoint {server.name!r}", answer.status
    if status in (401, 403, 407):
        return NotSynced(f"{name} refused the API key that is kept for it ({status}); correct it")
    if 300 <= status < 400:
        return NotSynced(f"{name} redirects to another address ({status}); give it that one as its base URL")
    if status in (404, 405):
        return NotSynced(f"{name} has no list of models at /v1/models ({status}); is its address right?")
    if status >= 400:
        said = message_of(orjson.dumps(answer.json)) if answer.json is not None else ""
        return NotSynced(f"{name} answered with status {status}{f': {said[:300]}' if said else ''}")
    return NotSynced(f"{name} answered with something that is no list of models; is its address right?")


def _decoded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None

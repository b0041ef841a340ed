"""What a runtime's `GET /v1/models` and its heartbeats say of its models. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from corral.app.endpoints.answers import MODELS, Answer, Answers
from corral.app.endpoints.detection import detect
from corral.app.endpoints.listing import listed_models
from corral.app.endpoints.offered import Offered, catalogue
from corral.app.gateway.endpoint import ServedModel
from corral.app.runtimes.heartbeat import Heartbeat
from corral.app.upstream.server import ServerKind
from corral.engines.model import Capability

MOST_MODELS = 1000
_OK = 200


class BadModelList(ValueError):
    """What came is no list of models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Each model once. `ids`: every name that means one, in lower case → what the runtime calls it."""

    kind: ServerKind = ServerKind.XLLM
    models: Sequence[ServedModel] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    unsaid: frozenset[str] = (
        frozenset()
    )  # names of models of which the list doesn't say whether they are loaded


NOTHING = Listing()


def listed(answer: bytes) -> Listing:
    """The models of an answer. Raises BadModelList."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise BadModelList("it is no JSON") from error
    found = Answers(by_path={MODELS: Answer(status=_OK, json=document)})
    kind = detect(found)
    if kind is None or kind is ServerKind.OPENAI_COMPATIBLE:  # nothing else registers by itself
        kind = ServerKind.XLLM
    offered = listed_models(found, kind)
    if offered is None:
        raise BadModelList("it has no list `data`")
    known = catalogue(offered[:MOST_MODELS])
    said = _readiness(found)
    served = tuple(_served(each, said.get(each.id)) for each in known.models)
    return Listing(
        kind=kind,
        models=served,
        ids={name: each.id for name, each in known.by_name.items()},
        unsaid=frozenset(each.name for each in known.models if each.id not in said),
    )


def with_heartbeat(listing: Listing, beat: Heartbeat | None) -> Listing:
    """The same with what a heartbeat says: which are loaded, and which of those are for embeddings."""
    if beat is None or not beat.loaded:
        return listing
    loaded, embedding = (
        frozenset(listing.ids.get(name.lower()) for name in names)
        for names in (beat.loaded, beat.loaded_embedding_models)
    )
    models = tuple(
        replace(
            model,
            ready=listing.ids[model.id.lower()] in loaded if model.id in listing.unsaid else model.ready,
            capabilities=frozenset({Capability.EMBEDDINGS})
            if listing.ids[model.id.lower()] in embedding
            else model.capabilities,
        )
        for model in listing.models
    )
    return replace(listing, models=models)


def _served(offered: Offered, ready: bool | None) -> ServedModel:
    served = offered.served()
    return served if ready is None else replace(served, ready=ready)


def _readiness(found: Answers) -> dict[Any, bool]:
    """What a list says of models being loaded, as those of llmlb's kind do, by their ids there."""
    return {
        model["id"]: model["ready"]
        for model in found.listed(MODELS, "data") or ()
        if isinstance(model.get("id"), str) and isinstance(model.get("ready"), bool)
    }

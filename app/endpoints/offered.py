"""A model as a server elsewhere offers it, how it is kept in the ledger, and which names mean it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from corral.app.gateway.endpoint import ServedModel
from corral.engines.model import Capability

MOST_MODELS: Final = 2000  # of one server; the rest is left out
_PART_CHARACTERS: Final = 48 * 1024  # a cell of the ledger takes 64 Ki
_MOST_NAME: Final = 512
_LATEST: Final = ":latest"  # what Ollama means when no tag is named


class Offered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`id` is its name at that server, `name` the one that clients see. 0 and "" mean: not known."""

    id: str
    name: str
    also: tuple[str, ...] = ()  # other names that mean it
    abilities: frozenset[str] = frozenset()  # engines.model.Capability values
    context_length: int = 0
    size_bytes: int = 0
    quantization: str = ""
    file_id: str = ""
    created: int = 0  # Unix time, seconds
    continues: bool = False  # takes an answer's beginning, and goes on with it

    def served(self) -> ServedModel:
        """As the gateway lists it."""
        return ServedModel(
            id=self.name,
            created=self.created,
            capabilities=self.abilities,
            ready=True,
            lifecycle_status="registered",
            context_length=self.context_length,
            size_bytes=self.size_bytes,
            quantization=self.quantization,
            file_id=self.file_id or None,
            continues=self.continues,
        )

    def document(self) -> dict[str, Any]:
        """As people see it."""
        return {
            "id": self.name,
            "name_there": self.id,
            "capabilities": sorted(self.abilities),
            "context_length": self.context_length,
            "size_bytes": self.size_bytes,
            "quantization": self.quantization,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The models of one server."""

    models: Sequence[Offered] = ()
    served: Sequence[ServedModel] = ()
    by_name: Mapping[str, Offered] = field(default_factory=dict)

    def find(self, name: str) -> Offered | None:
        """The model that a client's name means, in any case."""
        return self.by_name.get(name.strip().lower())


def catalogue(models: Iterable[Offered]) -> Catalogue:
    """Each name once: the first model of a name is meant."""
    kept: dict[str, Offered] = {}
    for model in models:
        kept.setdefault(model.name.lower(), model)
    index: dict[str, Offered] = dict(kept)
    for model in kept.values():
        for name in (model.id, *model.also):
            index.setdefault(name.lower(), model)
    for model in kept.values():
        if model.name.lower().endswith(_LATEST):
            index.setdefault(model.name.lower().removesuffix(_LATEST), model)
    listed = tuple(kept.values())
    return Catalogue(models=listed, served=tuple(model.served() for model in listed), by_name=index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a sync changed: names."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.updated)


def difference(before: Iterable[Offered], after: Iterable[Offered]) -> Difference:
    """By their names at the server."""
    old, new = {each.id: each for each in before}, {each.id: each for each in after}
    return Difference(
        added=tuple(new[id].name for id in new if id not in old),
        removed=tuple(old[id].name for id in old if id not in new),
        updated=tuple(new[id].name for id in new if id in old and new[id] != old[id]),
    )


def packed(models: Sequence[Offered]) -> list[list[Any]]:
    """For the ledger, in parts that fit a cell; at least one."""
    parts: list[list[Any]] = [[]]
    room = _PART_CHARACTERS
    for model in models[:MOST_MODELS]:
        document = msgspec.to_builtins(model, order="sorted")
        size = len(msgspec.json.encode(document)) + 1
        if size > room:
            parts.append([])
            room = _PART_CHARACTERS
        parts[-1].append(document)
        room -= size
    return parts


def unpacked(parts: Iterable[object]) -> list[Offered]:
    """What can be read of it; a later version may have written it."""
    models = []
    for part in parts:
        for each in part if isinstance(part, list) else ():
            try:
                models.append(msgspec.convert(each, Offered))
            except msgspec.ValidationError:
                continue
    return models


def is_name(text: object) -> bool:
    """Whether a server's name for a model can be used here: requests name models with one colon at most."""
    return (
        isinstance(text, str)
        and 0 < len(text.strip()) <= _MOST_NAME
        and text.isprintable()
        and text.count(":") <= 1
    )


def known_abilities(words: Iterable[object], meaning: Mapping[str, frozenset[Capability]]) -> frozenset[str]:
    """Of what a server says that a model can do, what has a meaning here."""
    return frozenset(able.value for word in words for able in meaning.get(str(word).lower(), ()))

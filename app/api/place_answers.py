"""Shapes of the answers about the places of models, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open
from corral.app.api.cluster_answers import NamedNode


class ModelPlace(Open):
    """Who has a model. `state`: `listed` where nothing is known of it but that it is there. Progress is from 0 to 1.

    `context_length` and `slots` are those of the loaded model.
    """

    kind: Literal["machine", "endpoint", "runtime", "cloud"]
    id: str
    name: str
    this: bool
    online: bool
    model: str
    state: Literal["on_disk", "loading", "loaded", "error", "listed"]
    progress: float
    error: str | None
    active: int
    queued: int
    context_length: int | None
    slots: int | None


class PlacedModel(Open):
    """A model with all that have it. Zero and "" where nobody knows."""

    id: str
    capabilities: list[str]
    context_length: int
    size_bytes: int
    quantization: str
    places: list[ModelPlace]


class PlacedModels(Open):
    models: list[PlacedModel]
    total: int


class Errand(Open):
    """`done`: it is loaded (or unloaded); else that goes on, and the model's state says how it ends."""

    model: str
    node: NamedNode
    done: bool

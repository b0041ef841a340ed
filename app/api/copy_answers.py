"""Shapes of the answers about copies of models, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open
from corral.app.api.cluster_answers import NamedNode


class Copy(Open):
    """A model on its way to a machine. `sources` are sending it; `note` says what people should know."""

    id: str
    model: str
    node: NamedNode
    state: Literal["waiting", "fetching", "verifying", "done", "failed", "cancelled"]
    percent: float
    bytes_downloaded: int
    bytes_total: int
    sources: int
    bytes_per_s: int
    error: str | None
    note: str | None


class Copies(Open):
    copies: list[Copy]
    total: int


class Cancelled(Open):
    cancelled: bool

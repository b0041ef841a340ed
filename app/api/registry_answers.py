"""Shapes of the answers about registered models, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open
from corral.app.api.cluster_answers import NamedNode


class DownloadProgress(Open):
    percent: float
    bytes_downloaded: int
    bytes_total: int
    error: str | None


class RegisteredModel(Open):
    """A model of a hub. `nodes` have it; `warnings` are what people should know before they use it."""

    name: str
    repo: str
    revision: str
    format: Literal["gguf", "safetensors"]
    quantization: str | None
    size_bytes: int
    files: list[str]
    lifecycle_status: Literal["pending", "caching", "registered", "error"]
    download_progress: DownloadProgress | None
    nodes: list[NamedNode]
    error: str | None
    warnings: list[str]
    created_at: str


class RegisteredModels(Open):
    models: list[RegisteredModel]
    total: int


class ManifestFile(Open):
    name: str
    size_bytes: int
    sha256: str | None
    url: str


class Manifest(Open):
    """Which files a registered model has, and where they are."""

    name: str
    repo: str
    revision: str
    format: Literal["gguf", "safetensors"]
    quantization: str | None
    size_bytes: int
    files: list[ManifestFile]


class FreedNode(NamedNode):
    """A machine that has removed a model's files."""

    freed_bytes: int


class Deleted(Open):
    """`nodes` are the machines from which its files were removed."""

    deleted: bool
    unregistered: bool
    nodes: list[FreedNode]

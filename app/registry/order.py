"""What is to be downloaded: a model with its files at one commit. As JSON, in the ledger, in journals and between machines."""

from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from corral.app.model_copy.manifest import ModelSum
from corral.app.registry.repository import RepoFile, safe_path
from corral.app.registry.selection import MOST_FILES

MOST_BYTES = 256 * 1024
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Text = Annotated[str, Meta(max_length=512)]
_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Sha1 = Annotated[str, Meta(pattern="^[0-9a-f]{40}$")]


class BadOrder(ValueError):
    """Malformed, or with names that can't be."""


class WantedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, and what is known of its content."""

    path: Annotated[str, Meta(min_length=1, max_length=512)]
    size_bytes: _Count
    sha256: _Sha256 | None = None
    blob_id: _Sha1 | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A model. Those that list it call it `model` or, besides other quantisations, `model`:`quantization`."""

    model: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?$", max_length=200)]
    repo: _Text
    commit: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,100}$")]
    format: Literal["gguf", "safetensors"]
    quantization: Annotated[str, Meta(max_length=64)] = ""
    files: Annotated[tuple[WantedFile, ...], Meta(min_length=1, max_length=MOST_FILES)]

    @property
    def name(self) -> str:
        """With its quantisation, if that is known."""
        return f"{self.model}:{self.quantization}" if self.quantization else self.model

    @property
    def size_bytes(self) -> int:
        return sum(each.size_bytes for each in self.files)

    @property
    def id(self) -> ModelSum:
        """The same for the same content under the same name."""
        whole = sha256(f"corral order 1\n{self.name}\n".encode())
        for each in self.files:
            whole.update(f"{each.path} {each.size_bytes} {each.sha256 or each.blob_id}\n".encode())
        return ModelSum(whole.hexdigest())


def encode(order: Order) -> bytes:
    """As JSON."""
    return msgspec.json.encode(order)


def decode(data: bytes) -> Order:
    """Raises BadOrder."""
    if len(data) > MOST_BYTES:
        raise BadOrder("too long")
    try:
        order = msgspec.json.decode(data, type=Order)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadOrder(f"not an order: {error}") from error
    return checked(order)


def checked(order: Order) -> Order:
    """The same. Raises BadOrder for what only looks right."""
    paths = [each.path.lower() for each in order.files]
    if ".." in order.model or not all(map(safe_path, paths)) or len(set(paths)) != len(paths):
        raise BadOrder("a name in it can't be used")
    return order


def wanted_files(files: tuple[RepoFile, ...]) -> tuple[WantedFile, ...]:
    """As an order has them."""
    return tuple(
        WantedFile(path=each.path, size_bytes=each.size_bytes, sha256=each.sha256, blob_id=each.blob_id)
        for each in files
    )

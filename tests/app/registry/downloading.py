"""A download from a hub on a real socket, in one process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from corral.app.model_copy.throttle import Throttle
from corral.app.registry.allowlist import Allowlist
from corral.app.registry.hub import Hub
from corral.app.registry.hub_download import HubDownload, Limits
from corral.app.registry.order import Order, wanted_files
from corral.app.registry.origin import Origin
from tests.fakes.hub_server import HubServer

PIECE_BYTES = 128 * 1024
LIMITS = Limits(
    connections=3,
    piece_bytes=PIECE_BYTES,
    keep_free_bytes=0,
    patience_s=20.0,
    first_pause_s=0.01,
    longest_pause_s=0.05,
    look_s=0.01,
)
REPO, MODEL = "Acme/Parrot-GGUF", "acme/parrot-gguf"
FILE = "parrot-Q4_K_M.gguf"


def gguf_bytes(size_bytes: int = 1_000_000, *, seed: int = 0) -> bytes:
    """Looks like a GGUF file to a download, not to an engine."""
    return b"GGUF" + Random(seed).randbytes(size_bytes - 4)


@asynccontextmanager
async def origin_of(hub: HubServer, *, token: str | None = None) -> AsyncIterator[Origin]:
    origin = Origin(hub=hub.url, token=token, allowlist=Allowlist((), hub=hub.url), idle_timeout_s=10.0)
    try:
        yield origin
    finally:
        await origin.close()


async def order_of(origin: Origin, *paths: str, repo: str = REPO, quantization: str = "Q4_K_M") -> Order:
    """All of these files at what is the repository now."""
    found = await Hub(origin).repository(repo, "main")
    files = {each.path: each for each in found.files}
    return Order(
        model=repo.lower(),
        repo=found.id,
        commit=found.commit,
        format="gguf",
        quantization=quantization,
        files=wanted_files(tuple(files[path] for path in paths)),
    )


def download(
    order: Order, folder: Path, origin: Origin, *, bytes_per_s: int | None = None, **limits: float
) -> HubDownload:
    changed: Mapping[str, object] = limits
    return HubDownload(
        order=order,
        folder=folder,
        origin=origin,
        throttle=Throttle(bytes_per_s),
        limits=replace(LIMITS, **changed),  # type: ignore[arg-type]
    )


def files_in(folder: Path) -> set[str]:
    """Everything below a folder of models."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

"""Models that are registered and on no machine: listed too, and downloaded when somebody asks for one."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence

import structlog

from corral.app.gateway.endpoint import ServedModel
from corral.app.gateway.models import Download
from corral.app.model_copy.errors import CopyError
from corral.app.registry.errors import Loading
from corral.app.registry.order import Order
from corral.app.registry.registry import Registry

_USUAL_BYTES_PER_S = 10_000_000
_LEAST_RETRY_S, _MOST_RETRY_S = 5, 300
_LOOK_S = 0.25
_AGAIN_S = 30.0  # a download that failed is not begun again sooner because somebody asks for the model
_HEARD_WITHIN_S = 10.0  # the router knows that a machine has a model when the machine has told it
_LOG = structlog.get_logger(__name__)


class Arrivals:
    """For the gateway of the router."""

    def __init__(
        self,
        registry: Registry,
        *,
        listed: Callable[[str], bool],
        patience_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`listed` says whether somebody has a model now; a request waits `patience_s` at most."""
        self._registry = registry
        self._listed = listed
        self._patience_s = patience_s
        self._clock = clock
        self._tried: dict[str, float] = {}  # when each was begun last; bounded by what is registered

    def models(self) -> Sequence[ServedModel]:
        """Every registered model, as it would be listed if nobody had it."""
        found = []
        for entry in self._registry.book.entries():
            document = self._registry.document(entry)
            found.append(
                ServedModel(
                    id=document["name"],
                    created=int(entry.created_at),
                    capabilities=frozenset(),
                    ready=False,
                    lifecycle_status=document["lifecycle_status"],
                    context_length=0,
                    size_bytes=entry.order.size_bytes,
                    quantization=entry.order.quantization,
                    error=document["error"],
                )
            )
        return found

    async def wait(self, model: str) -> None:
        """Returns when somebody has the model, or when it isn't registered. Raises Loading, CopyError."""
        entry = self._registry.book.find(model)
        if entry is None or entry.order.format != "gguf":
            return
        order, begun_at = entry.order, self._clock()
        await self._begin(order)
        deadline, heard_at, seen = begun_at + self._patience_s(), begun_at, False
        while not self._listed(order.name):
            now = self._clock()
            download = self._registry.download_of(order)
            left_s = 0.0 if download is None else remaining_s(download)
            if download is not None and download.error is None:
                heard_at, seen = now, True
            elif download is not None and (seen or now - begun_at > _HEARD_WITHIN_S):  # else an earlier one's
                raise _failed(order.name, download)
            if now + left_s > deadline or now - heard_at > _HEARD_WITHIN_S:
                raise _loading(order.name, download, left_s)
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, order: Order) -> None:
        """Unless it is under way, or failed just now. Raises CopyError."""
        download, now = self._registry.download_of(order), self._clock()
        if download is not None and download.error is None:
            return
        if download is not None and now - self._tried.get(order.id, -math.inf) < _AGAIN_S:
            raise _failed(order.name, download)
        self._tried[order.id] = now
        _LOG.info("a model is downloaded because somebody asked for it", model=order.name)
        await self._registry.begin(order)


def remaining_s(download: Download, bytes_per_s: int = _USUAL_BYTES_PER_S) -> float:
    """About how long a download takes yet."""
    return (download.bytes_total - download.bytes_downloaded) / bytes_per_s


def _loading(model: str, download: Download | None, left_s: float) -> Loading:
    retry_s = min(_MOST_RETRY_S, max(_LEAST_RETRY_S, math.ceil(left_s)))
    percent = "" if download is None else f" ({download.percent:g} % is here)"
    return Loading(
        f"model {model} is being downloaded{percent}; try again in {retry_s} seconds. GET /v1/models shows how it goes",
        retry_after_s=retry_s,
    )


def _failed(model: str, download: Download) -> CopyError:
    return CopyError(f"model {model} could not be downloaded: {download.error}")

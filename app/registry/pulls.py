"""The downloads that this machine makes: begun, gone on with after a restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from corral.app.model_copy.copies import Copies, State
from corral.app.model_copy.draft import check_room
from corral.app.model_copy.errors import CantCopy, CopyFailed
from corral.app.model_copy.throttle import Throttle
from corral.app.registry.hub_download import HubDownload, Limits
from corral.app.registry.order import Order
from corral.app.registry.origin import Origin
from corral.app.registry.staging import Staging, left_orders
from corral.app.serving.load_report import CopyLive
from corral.engines.model import ModelStatus

_LOG = structlog.get_logger(__name__)


class Pulls:
    """`run` it once. Progress and cancelling are those of `copies`."""

    def __init__(
        self,
        *,
        copies: Copies,
        folder: Path,
        find: Callable[[str], ModelStatus | None],
        origin: Origin,
        throttle: Throttle,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """`folder` is that of models; `find` looks into this machine's pool."""
        self._copies = copies
        self._folder = folder
        self._find = find
        self._origin = origin
        self._throttle = throttle
        self._limits = limits

    async def run(self) -> None:
        """Go on with what an earlier start left."""
        for order in await asyncio.to_thread(left_orders, self._folder):
            if not self._has(order):
                _LOG.info("going on with a download", model=order.name)
                self._start(order)

    async def begin(self, order: Order) -> CopyLive:
        """Begin to download a model, unless that is under way. Raises CantCopy, NoRoom, CopyFailed."""
        if self._copies.under_way(order.id) is None:
            if self._has(order):
                raise CantCopy(f"this machine has model {order.name} already")
            await self._check_room(order)
        return self._start(order)

    def _start(self, order: Order) -> CopyLive:
        return self._copies.fetch(
            model=order.name,
            id=order.id,
            size_bytes=order.size_bytes,
            make=lambda: HubDownload(
                order=order,
                folder=self._folder,
                origin=self._origin,
                throttle=self._throttle,
                limits=self._limits,
            ),
        )

    def _has(self, order: Order) -> bool:
        found = self._find(order.name)
        return found is not None and (found.file.error is None or found.file.format == order.format != "gguf")

    async def _check_room(self, order: Order) -> None:
        """Also for what others will write yet."""
        others = sum(
            each.total_bytes - each.done_bytes
            for each in self._copies.progress()
            if not State(each.state).ended and each.id != order.id
        )

        def look() -> None:
            needed_bytes = Staging.missing_of(self._folder, order, piece_bytes=self._limits.piece_bytes)
            check_room(self._folder, needed_bytes + others, keep_free_bytes=self._limits.keep_free_bytes)

        try:
            await asyncio.to_thread(look)
        except OSError as error:
            raise CopyFailed(f"the folder of models can't be used: {error.strerror}") from error

"""Registered models, made of a node's settings and parts."""

from collections.abc import Callable, Sequence

from corral.app.model_copy.copying import Copying
from corral.app.model_copy.throttle import Throttle
from corral.app.model_copy.view import Others, serving
from corral.app.registry.allowlist import Allowlist
from corral.app.registry.arrivals import Arrivals
from corral.app.registry.book import ModelBook
from corral.app.registry.hub import Hub
from corral.app.registry.hub_download import Limits
from corral.app.registry.model_files import ModelFiles
from corral.app.registry.origin import Origin
from corral.app.registry.pull_route import PullRoute
from corral.app.registry.pulls import Pulls
from corral.app.registry.registry import Registry
from corral.app.registry.removal import Removal
from corral.app.settings_table import Settings
from corral.app.supervisor import Supervisor
from corral.engines.devices import Devices
from corral.engines.pool import ModelPool
from corral.peers.cluster.members import Members
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute


class ModelRegistry:
    """`registry` and `files` are for the HTTP side, `arrivals` for the gateway, `routes` for the peer port."""

    def __init__(
        self,
        *,
        settings: Settings,
        book: ModelBook,
        pool: ModelPool,
        copying: Copying,
        client: PeerClient,
        members: Members,
        others: Others,
        devices: Callable[[], Devices | None],
        claim: Callable[[], str],
        accepts: Callable[[str], bool],
        listed: Callable[[str], bool],
        patience_s: Callable[[], float],
        program: str,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """`claim` is this machine's right to ask others, `accepts` judges theirs; see `Arrivals` for the rest."""
        allowlist = Allowlist(settings.origin_allowlist, hub=settings.hf_base_url)
        self._origin = origin = Origin(
            hub=settings.hf_base_url,
            token=settings.hf_token,
            allowlist=allowlist,
            user_agent=f"corral/{program}",
        )
        removal = Removal(models=pool, folder=settings.models_dir)
        self._pulls = Pulls(
            copies=copying.copies,
            folder=settings.models_dir,
            find=pool.find,
            origin=origin,
            throttle=Throttle(settings.download_max_bytes_per_s),
            limits=limits,
        )
        self.registry = Registry(
            book=book,
            hub=Hub(origin),
            hub_url=settings.hf_base_url,
            view=copying.view,
            control=copying.control,
            pulls=self._pulls,
            removal=removal,
            members=members,
            client=client,
            claim=claim,
            sites=copying.sites,
            memories=lambda: [_own_memory(devices()), *_memories(others)],
        )
        self.files = ModelFiles(
            book=book, folder=settings.models_dir, view=copying.view, client=client, origin=origin
        )
        self.arrivals = Arrivals(self.registry, listed=listed, patience_s=patience_s)
        self._routes = PullRoute(pulls=self._pulls, removal=removal, accepts=accepts).routes()

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return self._routes

    def supervise(self, supervisor: Supervisor) -> None:
        """Go on with unfinished downloads; they end with the task of the copies."""
        supervisor.start("going on with downloads", self._pulls.run)

    async def close(self) -> None:
        """Cut the connections to the hub."""
        await self._origin.close()


def _own_memory(devices: Devices | None) -> int:
    if devices is None:
        return 0
    return max(devices.memory.total_bytes, sum(gpu.total_bytes for gpu in devices.gpus))


def _memories(others: Others) -> list[int]:
    found = [peer.heard.static for peer in serving(others)]
    return [max(each.memory_bytes, sum(gpu.memory_bytes for gpu in each.gpus)) for each in found]

"""The checks of the cluster: network, multicast, the other machines, files."""

import time
from collections.abc import Callable, Collection

from corral.app.doctor.cluster_files import gather_cluster_files, judge_cluster_files
from corral.app.doctor.cluster_state import Local, gather_cluster, judge_cluster, until_router
from corral.app.doctor.finding import Finding
from corral.app.doctor.known_addresses import gather_addresses, judge_addresses
from corral.app.doctor.multicast import gather_multicast, judge_multicast
from corral.app.doctor.network import NetworkFacts, gather_network, judge_network
from corral.app.doctor.reachability import gather_members, judge_members
from corral.app.paths import DataDir
from corral.app.settings_table import Settings
from corral.app.version import program_version

Check = tuple[str, Callable[[], list[Finding]]]


class ClusterExamination:
    """Later checks use what earlier ones found."""

    def __init__(self, settings: Settings, folder: DataDir, local: Local, *, look_again: Local) -> None:
        """`local` is what the running node said of itself, if there is one; `look_again` asks it anew."""
        self._settings = settings
        self._folder = folder
        self._local = local
        self._look_again = look_again
        self._network: NetworkFacts | None = None
        self._heard: Collection[str] = ()  # by multicast

    def checks(self, *, may_send: bool) -> list[Check]:
        """By name. `may_send`: whether it is known that the settings don't forbid to say something on the network."""
        checks: list[Check] = [("cluster file", self._files), ("network", self._look_at_network)]
        if may_send:
            checks += [("multicast", self._multicast), ("machines", self._machines)]
        return [*checks, ("cluster", self._cluster)]

    def _files(self) -> list[Finding]:
        return judge_cluster_files(gather_cluster_files(self._folder))

    def _look_at_network(self) -> list[Finding]:
        self._network = gather_network(self._settings)
        return judge_network(self._network)

    def _multicast(self) -> list[Finding]:
        if self._network is None:
            return []
        facts = gather_multicast(self._network, self._folder, self._local(), now=time.time())
        self._heard = () if facts is None else facts.probe.heard
        return judge_multicast(facts)

    def _machines(self) -> list[Finding]:
        local = self._local()
        if local is None:
            return judge_addresses(gather_addresses(self._settings, self._folder))
        port = self._settings.peer_port
        return judge_members(gather_members(local, heard=self._heard, peer_port=port))

    def _cluster(self) -> list[Finding]:
        local = until_router(self._local(), self._look_again)
        return [] if local is None else judge_cluster(gather_cluster(local, own_version=program_version()))

"""A node that is alone in its cluster, as the routes of /v0/cluster see it. Nothing of it runs by itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from corral.app.cluster.contacts import Contacts
from corral.app.cluster.membership import Membership, Standpoint
from corral.app.cluster.serving_link import ServingLink
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.standing import this_machine
from corral.app.model_copy.copying import Copying, Rules
from corral.app.model_copy.copying import Standpoint as CopyStandpoint
from corral.app.model_copy.view import Others
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.settings import default_settings
from corral.app.telemetry import Telemetry
from corral.engines.pool import ModelPool
from corral.peers.cluster.cluster_file import found_cluster
from corral.peers.cluster.members import Members
from corral.peers.discovery.address_book import AddressBook
from corral.peers.election.elector import Preference
from corral.peers.identity.identity import Identity
from corral.peers.replication.ledger import Ledger
from corral.peers.transport.client import PeerClient


async def nothing() -> None:
    """Ends no sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lone:
    """Its parts; `running` opens them, on loopback."""

    membership: Membership
    client: PeerClient
    copying: Copying
    members: Members
    others: Others

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing of it does anything by itself."""
        await self.membership.open(front_port=32768, routes=[])
        try:
            yield
        finally:
            await self.membership.close()
            await self.client.close()


def lone_node(
    folder: Path,
    identity: Identity,
    ledger: Ledger,
    pool: ModelPool,
    *,
    name: str,
    now: Callable[[], float],
) -> Lone:
    """A node whose files are in `folder`."""
    settings = replace(default_settings(folder), host="127.0.0.1", peer_port=0, node_name=name)
    members = Members()
    contacts = Contacts(members=members, book=AddressBook(identity.node))
    client = PeerClient(identity=identity, certificates=contacts.certificate, addresses=contacts.addresses)
    experience = Experience()
    reporter = Reporter(
        pool=pool,
        telemetry=Telemetry(models=pool),
        endpoint=EndpointId("local"),
        experience=experience,
    )
    peers = PeerEndpoints(client=client, name_of=members.name, claim=lambda: "", experience=experience)
    membership = Membership(
        settings=settings,
        program="0.0.1",
        identity=identity,
        cluster=found_cluster(now=now()),
        members=members,
        contacts=contacts,
        client=client,
        ledger=ledger,
        preference=lambda chosen: Preference(),
        serving=ServingLink(reporter=reporter, endpoints=peers),
        standpoint=Standpoint(
            used=lambda: False, end_sessions=nothing, start_anew=lambda: None, changed=lambda: None
        ),
        now=now,
    )
    others = Others(peers=peers.peers, live=lambda: membership.cluster.live)
    copying = Copying(
        pool=pool,
        folder=folder,
        sums_file=folder / "models.sums.json",
        client=client,
        members=members,
        others=others,
        standpoint=CopyStandpoint(
            node=identity.node,
            alone=lambda: True,
            is_router=lambda: True,
            claim=lambda: "",
            accepts=lambda claim: False,
            machine=this_machine,
            devices=lambda: None,
        ),
        rules=Rules(),
    )
    return Lone(membership=membership, client=client, copying=copying, members=members, others=others)

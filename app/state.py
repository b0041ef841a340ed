"""What a node keeps on disk, opened: its identity, its database, the ledger, the books that live in them, and the way to the
other machines that the ledger needs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from corral.app.cluster.contacts import Contacts
from corral.app.cluster_settings import ClusterSettings
from corral.app.paths import DataDir
from corral.app.people.people import People, open_people
from corral.app.people.session_secret import SessionSecret
from corral.app.registry.book import ModelBook
from corral.app.settings_table import Settings
from corral.app.store.api_keys import ApiKeys
from corral.app.store.carry_over import carry_over
from corral.app.store.database import Database, open_database
from corral.app.store.history_log import begin_log
from corral.app.store.replicated import open_store
from corral.peers.cluster.cluster_file import ClusterIdentity, load_cluster
from corral.peers.cluster.members import Members
from corral.peers.cluster.replica_route import REPLICA_PATH
from corral.peers.discovery.address_book import AddressBook
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.replication.ledger import Ledger
from corral.peers.transport.client import PeerClient

_PAGE_S = 30.0  # a page of replicated state may be long, and the network slow


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The open files and books. `contacts` says whom `client` may talk to."""

    identity: Identity
    cluster: ClusterIdentity
    members: Members
    contacts: Contacts
    client: PeerClient
    database: Database
    ledger: Ledger
    keys: ApiKeys
    people: People
    secret: SessionSecret
    models: ModelBook
    shared: ClusterSettings  # what the cluster says, over this machine's own settings


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncIterator[State]:
    """Open everything, made or brought up to date first; closed in order at the end.

    Raises StoreError, IdentityError, ClusterFileError, OSError.
    """
    folder = DataDir(settings.data_dir)
    identity = await asyncio.to_thread(load_identity, folder.identity)
    cluster = await asyncio.to_thread(load_cluster, folder.cluster, now=time.time())
    members = Members(introduced=[Certificate.from_pem(each) for each in cluster.introduced])
    contacts = Contacts(members=members, book=AddressBook(identity.node))
    async with (
        _database(folder, cluster) as database,
        _client(identity, contacts) as client,
        _ledger(folder, identity.node, cluster, client) as ledger,
    ):
        await carry_over(database, ledger, now=time.time())
        keys = ApiKeys(ledger, database)
        await keys.load()
        secret = SessionSecret(
            ledger,
            cluster_key=lambda: cluster.key_bytes,
            given=settings.session_secret,
            old_file=folder.session_secret,
        )
        models = ModelBook(ledger)
        await models.load()
        shared = ClusterSettings(ledger, settings)
        await shared.load()
        yield State(
            identity=identity,
            cluster=cluster,
            members=members,
            contacts=contacts,
            client=client,
            database=database,
            ledger=ledger,
            keys=keys,
            people=await open_people(ledger, database, secret=secret),
            secret=secret,
            models=models,
            shared=shared,
        )


@asynccontextmanager
async def _database(folder: DataDir, cluster: ClusterIdentity) -> AsyncIterator[Database]:
    database = await open_database(folder.database)
    try:
        await begin_log(database, cluster.id)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _client(identity: Identity, contacts: Contacts) -> AsyncIterator[PeerClient]:
    client = PeerClient(
        identity=identity,
        certificates=contacts.certificate,
        addresses=contacts.addresses,
        on_proven=contacts.proven,
    )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def _ledger(
    folder: DataDir, node: NodeId, cluster: ClusterIdentity, client: PeerClient
) -> AsyncIterator[Ledger]:
    async def send(to: NodeId, body: bytes) -> bytes:
        return await client.post(to, REPLICA_PATH, body, timeout_s=_PAGE_S)

    ledger = await open_store(folder.ledger(cluster.id), node, send=send, joined=bool(cluster.introduced))
    try:
        yield ledger
    finally:
        await ledger.close()

"""Machines of one cluster in one process: each with its files and books, joined by functions instead of a network."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from corral.app.people.session_secret import SessionSecret
from corral.app.people.sessions import Sessions
from corral.app.store.api_keys import ApiKeys
from corral.app.store.database import open_database
from corral.app.store.invitations import Invitations
from corral.app.store.revoked_sessions import RevokedSessions
from corral.app.store.users import Users
from corral.peers.replication.ledger import Ledger
from tests.peers.replication.ledgers import Cluster, cluster

NOW = 1_700_000_000.0
CLUSTER_KEY = b"k" * 32


class Machine:
    """The books of one machine. `skew_s` is how far its clock is ahead."""

    def __init__(self) -> None:
        self.skew_s = 0.0
        self.ledger: Ledger
        self.keys: ApiKeys
        self.users: Users
        self.invitations: Invitations
        self.revoked: RevokedSessions
        self.secret: SessionSecret
        self.sessions: Sessions

    def now(self) -> float:
        return NOW + self.skew_s


class Machines(dict[str, Machine]):
    """Machines by name, and the cluster that they are."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster


@asynccontextmanager
async def machines(folder: Path, *names: str) -> AsyncIterator[Machines]:
    """The first one founds the cluster, the others join it."""
    async with AsyncExitStack() as stack:
        made = Machines(await stack.enter_async_context(cluster(folder)))
        for name in names:
            made[name] = await _machine(made.cluster, folder, name, stack, joins=len(made) > 0)
        yield made


async def _machine(
    cluster: Cluster, folder: Path, name: str, stack: AsyncExitStack, *, joins: bool
) -> Machine:
    machine = Machine()
    machine.ledger = await cluster.start(name)
    if joins:
        await machine.ledger.reset()
        await cluster.until_equal()
    database = await open_database(folder / f"{name}.corral.db")
    stack.push_async_callback(database.close)
    machine.keys = ApiKeys(machine.ledger, database)
    machine.users = Users(machine.ledger, database, now=machine.now)
    machine.invitations = Invitations(machine.ledger, now=machine.now)
    machine.revoked = RevokedSessions(machine.ledger, now=machine.now)
    machine.secret = SessionSecret(
        machine.ledger, cluster_key=lambda: CLUSTER_KEY, given=None, old_file=folder / f"{name}.secret"
    )
    for each in (machine.keys, machine.users, machine.invitations, machine.revoked, machine.secret):
        await each.load()
    machine.sessions = Sessions(
        secret=machine.secret, users=machine.users, revoked=machine.revoked, now=machine.now
    )
    return machine

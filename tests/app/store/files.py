"""The two files of a lone node, open; and one that is locked."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from corral.app.store.database import Database, open_database
from corral.app.store.replicated import open_store
from corral.peers.ids import NodeId
from corral.peers.replication.ledger import Ledger

NODE = NodeId("NODE")


class Files(NamedTuple):
    """What keys and users are kept in."""

    ledger: Ledger
    database: Database


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Files]:
    """The files in a folder, made if there are none."""
    async with AsyncExitStack() as stack:
        database = await open_database(folder / "corral.db")
        stack.push_async_callback(database.close)
        ledger = await open_store(folder / "cluster.db", NODE, send=_nobody)
        stack.push_async_callback(ledger.close)
        yield Files(ledger, database)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is writing: transactions that begin now wait until the end of the block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def dump(folder: Path) -> str:
    """Everything in both files, as SQL."""
    texts: list[str] = []
    for name in ("corral.db", "cluster.db"):
        with closing(sqlite3.connect(folder / name)) as connection:
            texts += connection.iterdump()
    return "\n".join(texts)


async def _nobody(to: NodeId, body: bytes) -> bytes:
    raise AssertionError(f"nothing should be sent to {to}")

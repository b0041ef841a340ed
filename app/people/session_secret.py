"""What signs the sessions of users: one secret for the whole cluster, replicated, sealed with the cluster's key."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable
from pathlib import Path

import structlog

from corral.app.store.replicated import ReplicatedTable
from corral.peers.identity.errors import BrokenSeal
from corral.peers.identity.sealing import seal, unseal
from corral.peers.replication.ledger import Ledger

_ID = "sessions"
_PURPOSE = "secrets/sessions"
_SECRET_BYTES = 48
_LOG = structlog.get_logger(__name__)


class SessionSecret:
    """Call it for the secret. `load` it before use; it follows whatever the other machines of the cluster agree on."""

    def __init__(
        self, ledger: Ledger, *, cluster_key: Callable[[], bytes], given: str | None, old_file: Path
    ) -> None:
        """A `given` one wins. `old_file` kept it in earlier versions; it is taken over and removed."""
        self._ledger = ledger
        self._cluster_key = cluster_key
        self._given = given
        self._old_file = old_file
        self._table = ReplicatedTable(ledger, "secrets", lambda ids: self.refresh())
        self._secret = given or new_secret()  # until there is a common one

    def __call__(self) -> str:
        return self._secret

    def refresh(self) -> None:
        """Look again: the cluster's key is another one now."""
        if self._given is None:
            self._secret = self._replicated() or new_secret()

    async def load(self) -> None:
        """Use what is replicated; make it if this machine's cluster has none yet. Raises DiskFull."""
        await self._table.load()
        if self._given is None:
            old = await asyncio.to_thread(_kept, self._old_file)
            if self._replicated() is None and await self._may_make_one():
                await self._write(old or new_secret())
            await asyncio.to_thread(self._old_file.unlink, missing_ok=True)

    async def renew(self) -> None:
        """Make another one, on every machine: all sessions end. Raises DiskFull."""
        if self._given is None:
            await self._write(new_secret())

    async def _write(self, secret: str) -> None:
        sealed = seal(self._cluster_key(), secret.encode(), _PURPOSE)
        await self._table.write(_ID, {"sealed": base64.b64encode(sealed).decode()})

    def _replicated(self) -> str | None:
        row = self._table.rows.get(_ID)
        if row is None:
            return None
        try:
            sealed = base64.b64decode(str(row.values["sealed"]), validate=True)
            return unseal(self._cluster_key(), sealed, _PURPOSE).decode()
        except (BrokenSeal, binascii.Error, UnicodeDecodeError):
            _LOG.warning(
                "the secret of sessions was sealed with another key than this cluster's; users sign in again"
            )
            return None

    async def _may_make_one(self) -> bool:
        """Not while it may still come from others, or when others may be able to open the one that is there."""
        if self._table.rows.get(_ID) is not None:
            members = (await self._ledger.rows("members")).rows
            return all(row.id == self._ledger.node or row.values["revoked_at"] for row in members)
        return not self._ledger.joined or bool((await self._ledger.rows("users")).rows)


def new_secret() -> str:
    """A random one."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def _kept(path: Path) -> str | None:
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return found if len(found) >= _SECRET_BYTES else None

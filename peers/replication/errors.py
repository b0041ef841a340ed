"""What can be wrong with replicated state.

ReplicationError
├── MalformedMessage   a member sent something that isn't a message of this protocol
├── EditRefused        a local write that the rules forbid
│   ├── WrongEdit      an unknown table or column, or a value of the wrong type or size
│   ├── RowDeleted     ids are never used again
│   └── OnlyGrows      a revocation can't be undone, a counter can't shrink
└── LedgerError        the file that keeps it
    ├── LedgerDamaged  it is not a ledger, or it is broken
    ├── LedgerTooNew   a newer version of this program wrote it
    └── LedgerFull     nothing could be written
"""

from pathlib import Path


class ReplicationError(Exception):
    """Anything that replication refuses."""


class MalformedMessage(ReplicationError):
    """A member sent something that isn't a message of this protocol; nothing of it was used."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Not a replication message: {reason}. The sender may run another version; update it."
        )


class EditRefused(ReplicationError):
    """A local write that the rules forbid; nothing of it was stored."""


class WrongEdit(EditRefused):
    """An unknown table or column, or a value of the wrong type or size."""


class RowDeleted(EditRefused):
    """The row was deleted: its id is never used again."""

    def __init__(self, table: str, id: str) -> None:
        super().__init__(f"{id!r} in {table} was deleted and stays so. Make a new one with a new id.")


class OnlyGrows(EditRefused):
    """The column can't be cleared or made smaller."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(f"{column!r} in {table} can't be undone or made smaller. Make a new row instead.")


class LedgerError(ReplicationError):
    """Something is wrong with the file that keeps replicated state."""


class LedgerDamaged(LedgerError):
    """It is not a ledger, or it is broken."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}, which keeps keys, users and the cluster's settings, is damaged ({reason}). Put a backup in its "
            "place; or move it away, and everything comes back from the other machines of the cluster, if there are any."
        )
        self.path = path
        self.reason = reason


class LedgerTooNew(LedgerError):
    """A newer version of this program wrote it; it was left as it is."""

    def __init__(self, path: Path, *, version: int, known: int) -> None:
        super().__init__(
            f"{path} has version {version}, and this program knows versions up to {known}: a newer one wrote it. "
            "It was left as it is. Start that newer version."
        )
        self.path = path
        self.version = version
        self.known = known


class LedgerFull(LedgerError):
    """Nothing could be written, and nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "nothing was changed: the disk of this node is full or can't be written; make room and try again"
        )

"""What can be wrong with replicated state.

ReplicationError
├── MalformedMessage   a member sent something that isn't a message of this protocol
└── EditRefused        a local write that the rules forbid
    ├── WrongEdit      an unknown table or column, or a value of the wrong type or size
    ├── RowDeleted     ids are never used again
    └── OnlyGrows      a revocation can't be undone, a counter can't shrink
"""


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

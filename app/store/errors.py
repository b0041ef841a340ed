"""What can go wrong with the database.

StoreError
├── DatabaseTooNew     a newer version of this program wrote it
├── DatabaseDamaged    it is not a database, or it is broken
├── MigrationFailed    it could not be brought up to date
└── DiskFull           nothing could be written
"""

from pathlib import Path


class StoreError(Exception):
    """Base of this folder's errors. Messages are for the person who starts the node, that of DiskFull for clients."""


class DatabaseTooNew(StoreError):
    def __init__(self, path: Path, *, version: int, known: int) -> None:
        super().__init__(
            f"The database {path} has version {version}, and this program knows versions up to {known}: a newer "
            "Corral wrote it. It was left as it is. Start that newer version, or name another data folder with "
            "CORRAL_DATA_DIR."
        )


class DatabaseDamaged(StoreError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The database {path} is damaged ({reason}). Move it away to start with a new one, or put a backup "
            "in its place."
        )


class MigrationFailed(StoreError):
    def __init__(self, path: Path, *, step: str, reason: str, copy: Path | None) -> None:
        where = "" if copy is None else f" A copy from before lies in {copy}."
        super().__init__(
            f"The database {path} could not be brought up to date: step {step} failed ({reason}) and was undone.{where}"
        )


class DiskFull(StoreError):
    def __init__(self) -> None:
        super().__init__(
            "nothing was changed: the disk of this node is full or can't be written; make room and try again"
        )

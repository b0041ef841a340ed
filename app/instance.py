"""One node per data folder: a lock that the system drops with the process, however it ends.

The Windows branch follows the documented API and has not been run; see docs/platforms.md.
"""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class AlreadyRunning(Exception):
    """Another node runs on this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"A node runs on the data folder {folder} already: see `corral status`. "
            "For a second one on this machine give it a folder and a port of its own "
            "(CORRAL_DATA_DIR, CORRAL_PORT)."
        )


class InstanceLock:
    """Holds the lock while the block runs. Entering raises AlreadyRunning, OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            _lock(file)
        except (BlockingIOError, PermissionError) as error:  # POSIX, Windows
            file.close()
            raise AlreadyRunning(self._path.parent) from error
        except BaseException:
            file.close()
            raise
        self._file = file
        return self

    def is_at_its_path(self) -> bool:
        """Whether the file that is locked is still the one at the path: somebody else may have removed it."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except OSError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

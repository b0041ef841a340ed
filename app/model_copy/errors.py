"""What can go wrong with copying a model. Messages are shown to clients.

CopyError
├── CantCopy         not in this state: it is there already, the machine is off, another file is in the way
├── ChecksumPending  nobody has read the model's file to its end yet
├── NoRoom           the disk of the machine that should get it is too full
├── NoSuchCopy
└── CopyFailed       it began and came to nothing
    └── NoSource     nobody that has the model can be reached
BadManifest          a peer's description of a model is not what it should be
SourceFailed         a peer didn't send what was asked of it
SourceLied           it sent something else
"""

from typing import ClassVar


class CopyError(Exception):
    """Base of those that clients see."""

    code: ClassVar[str] = "copy_failed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.param = None


class CantCopy(CopyError):
    code = "not_possible_now"


class ChecksumPending(CopyError):
    code = "checksum_pending"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the checksum of model {model[:100]!r} is still being worked out, which takes minutes for large files; "
            "try again then"
        )


class NoRoom(CopyError):
    code = "disk_full"


class NoSuchCopy(CopyError):
    code = "copy_not_found"

    def __init__(self) -> None:
        super().__init__("there is no such copy; GET /v0/models/copies lists them")


class CopyFailed(CopyError):
    """It began and came to nothing; asking again goes on where it was."""


class NoSource(CopyFailed):
    """Nobody that has the model can be reached."""


class BadManifest(ValueError):
    """Malformed, out of bounds, or not of the model that was asked for."""


class SourceFailed(Exception):
    """It can't be reached, has the model no more, broke off or fell silent."""


class SourceLied(Exception):
    """What it sent is not what the model's id stands for."""

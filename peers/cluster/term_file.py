"""The highest election term that this machine ever saw or used, kept before it is used."""

import contextlib
from pathlib import Path

from corral.peers.private_file import write_private

_MOST = 2**53


def read_term(path: Path) -> int:
    """0 if there is no usable file: then the first message of another member says more. Blocks."""
    with contextlib.suppress(OSError, ValueError):
        term = int(path.read_bytes())
        if 0 <= term <= _MOST:
            return term
    return 0


def write_term(path: Path, term: int) -> None:
    """Keep it. Blocks; raises OSError."""
    write_private(path, str(term).encode())

"""What a running node leaves for commands on the same machine: where it answers, and a token that it accepts."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from corral.app.paths import DataDir

_TOKEN_BYTES = 32


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """A running node."""

    pid: int
    port: int
    url: str  # for this machine
    started_at: float  # Unix time, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningNode:
    """Everything that a command needs to talk to the node."""

    run: RunFile
    token: str


def new_token() -> str:
    """A random credential for one run."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def write_run_files(folder: DataDir, run: RunFile, token: str) -> None:
    """Publish a node that answers. Only the user that runs it can read the token."""
    _write_private(folder.local_token, token.encode())
    _write_private(folder.run_file, msgspec.json.encode(run))


def read_run_files(folder: DataDir) -> RunningNode | None:
    """The node as it was published last, which may have been killed since; None if there is none.

    Raises PermissionError if it belongs to another user.
    """
    try:
        run = msgspec.json.decode(folder.run_file.read_bytes(), type=RunFile)
        return RunningNode(run=run, token=folder.local_token.read_text())
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def remove_run_files(folder: DataDir) -> None:
    """The node has stopped."""
    for path in (folder.run_file, folder.local_token):
        path.unlink(missing_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by its owner alone from the first moment."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        raise

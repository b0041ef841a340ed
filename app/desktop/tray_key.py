"""The API key that the tray copies: keys are kept as hashes, so this machine's tray has one of its own, in a private file."""

import os
import socket
from pathlib import Path

import msgspec

from corral.app.commands.node_client import NodeClient

SCOPES = ("api",)


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    key: str


def tray_key(node: NodeClient, file: Path) -> str:
    """The key; made at the first use, and again after it was revoked. Raises NodeNotRunning, CommandError, OSError."""
    kept = _read(file)
    valid = {each["id"] for each in node.keys()}  # noqa: SIM118 - not a mapping's
    if kept is not None and kept.id in valid:
        return kept.key
    made = node.create_key({"name": f"tray of {socket.gethostname()}"[:64], "scopes": list(SCOPES)})
    _write(file, _Kept(id=made["id"], key=made["key"]))
    return str(made["key"])


def _read(file: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write(file: Path, kept: _Kept) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.encode(kept))
    draft.replace(file)

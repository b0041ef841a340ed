"""The folders of the node: there, its user's own, private, writable."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.settings_table import Settings

_OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """A folder as it is. Without `exists`: `writable` says whether it could be made."""

    check: str
    path: Path
    exists: bool
    is_folder: bool = True
    own: bool = True  # belongs to the user that asks
    mode: int = 0o700
    writable: bool
    must_be_private: bool = False
    must_be_writable: bool = True


def gather_folders(settings: Settings) -> list[FolderFacts]:
    """The data folder, and those that lie elsewhere or are named by a setting."""
    return [
        _facts("data folder", settings.data_dir, private=True),
        _facts("log folder", settings.log_dir),
        _facts("models folder", settings.models_dir, must_be_writable=False),
        *(_facts("more models", path, must_be_writable=False) for path in settings.model_folders),
    ]


def judge_folders(folders: Sequence[FolderFacts]) -> list[Finding]:
    """One finding for each folder."""
    return [_judge(facts) for facts in folders]


def _facts(check: str, path: Path, *, private: bool = False, must_be_writable: bool = True) -> FolderFacts:
    try:
        status = path.stat()
    except OSError as error:
        there = not isinstance(error, FileNotFoundError)  # below a file, or behind a closed folder
        return FolderFacts(
            check=check,
            path=path,
            exists=there,
            is_folder=not there,
            writable=not there and _can_write(_nearest(path)),
            must_be_private=private,
            must_be_writable=must_be_writable,
        )
    return FolderFacts(
        check=check,
        path=path,
        exists=True,
        is_folder=path.is_dir(),
        own=not hasattr(os, "getuid") or status.st_uid == os.getuid(),
        mode=status.st_mode & 0o777,
        writable=path.is_dir() and _can_write(path),
        must_be_private=private and os.name == "posix",
        must_be_writable=must_be_writable,
    )


def _nearest(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.exists())


def _can_write(folder: Path) -> bool:
    """Tried out: rights alone say nothing about disks that are only read."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _judge(facts: FolderFacts) -> Finding:
    check, path = facts.check, facts.path
    if not facts.is_folder:
        return problem(check, f"{path} is no folder, or can't be reached", "Name another, or move it away.")
    if not facts.exists:
        if not facts.must_be_writable and not facts.writable:
            return warning(check, f"{path} doesn't exist", "Make it, or change the setting.")
        if not facts.writable:
            return problem(check, f"{path} doesn't exist and can't be made", "Make it, or name another.")
        return ok(check, f"{path} doesn't exist yet")
    if not facts.own and facts.must_be_private:
        remedy = f"Run Corral as that user, or give it to this one: `chown -R $USER {path}`."
        return problem(check, f"{path} belongs to another user", remedy)
    if not facts.writable and facts.must_be_writable:
        return problem(check, f"{path} can't be written", f"Allow it: `chmod u+rwx {path}`; or name another.")
    if facts.must_be_private and facts.mode & _OTHERS:
        what = f"{path} is open to other users (mode {facts.mode:o})"
        return warning(check, what, f"Close it: `chmod 700 {path}`.")
    return ok(check, f"{path}")

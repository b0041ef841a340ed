"""A file system that is soon full."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A file system of a few MB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with contextlib.suppress(OSError), self._ballast.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()

    def make_room(self) -> None:
        self._ballast.unlink()


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk]:
    """A small disk at `folder`, while it is needed."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small file system: run it as root (continuous integration does)")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

"""Machines whose wall clock is wrong: a small library is loaded into their programs. Clocks that never jump stay as they are."""

import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")
_NANOSECONDS = struct.Struct("=q")


def build_library(folder: Path) -> Path:
    """Needs a C compiler, as the installation does. Raises CalledProcessError, FileNotFoundError."""
    library = folder / "wrong_clock.so"
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE], check=True
    )
    return library


class WrongClock:
    """A clock that is so many seconds ahead of the right one, or behind if that is negative. `set` lets it jump."""

    def __init__(self, library: Path, file: Path, *, ahead_s: float) -> None:
        file.write_bytes(_NANOSECONDS.pack(0))
        self._file = file
        self._library = library
        self.set(ahead_s)

    def set(self, ahead_s: float) -> None:
        """At once, in all programs that have it: the file is mapped into them."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(_NANOSECONDS.pack(int(ahead_s * 1e9)))

    @property
    def environment(self) -> Mapping[str, str]:
        """For the programs that have this clock."""
        return {"LD_PRELOAD": str(self._library), "WRONG_CLOCK": str(self._file)}

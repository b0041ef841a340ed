"""How the installed llama.cpp was built. A process of its own asks it, since a build for another processor crashes.

`python -m corral.engines.llama.build` prints a `Build` as JSON.
"""

import re
import subprocess
import sys

import msgspec

from corral.engines.devices import Gpu

COMMAND = (sys.executable, "-m", "corral.engines.llama.build")
_ENABLED = re.compile(r"\b([A-Z][A-Z0-9_]+) = 1\b")
_TIMEOUT_S = 120
_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows: no console flashes up
_FOR_PROCESSORS = frozenset({"CPU", "BLAS", "RPC", "AMX"})


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """What a build uses."""

    version: str
    features: frozenset[str]  # of processors, as llama.cpp names them
    backends: frozenset[str] = frozenset()  # what it was built for: CPU, CUDA, ROCm, Vulkan, MTL, …
    cards: tuple[Gpu, ...] = ()  # that it found and can keep layers on

    @property
    def gpu_backends(self) -> frozenset[str]:
        """Those of `backends` that are for graphics cards."""
        return self.backends - _FOR_PROCESSORS


class BuildUnknown(Exception):
    """llama.cpp doesn't start; the message says how it ended."""

    def __init__(self, message: str, *, wrong_processor: bool = False) -> None:
        super().__init__(message)
        self.wrong_processor = wrong_processor


def features_in(system_info: str) -> frozenset[str]:
    """Those that llama.cpp's system info says are on: `CPU : AVX = 1 | AVX2 = 1`."""
    return frozenset(_ENABLED.findall(system_info))


def read_build(command: tuple[str, ...] = COMMAND) -> Build:
    """Blocks for about a second. Raises BuildUnknown."""
    try:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            creationflags=_NO_WINDOW,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildUnknown(f"it can't be started ({type(error).__name__})") from error
    if finished.returncode < 0:  # a signal; 4 is an illegal instruction
        raise BuildUnknown("it crashed", wrong_processor=finished.returncode == -4)
    try:
        return msgspec.json.decode(finished.stdout, type=Build)
    except msgspec.DecodeError as error:
        last = finished.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BuildUnknown("; ".join(last) or f"it ended with code {finished.returncode}") from error


def _own_build() -> Build:
    import llama_cpp

    from corral.engines.llama.cards import backends, usable_cards

    return Build(
        version=llama_cpp.__version__,
        features=features_in(llama_cpp.llama_print_system_info().decode("utf-8", "replace")),
        backends=backends(),
        cards=usable_cards(),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_own_build()))

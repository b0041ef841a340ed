"""What a node doesn't load while it only waits: a tray program that is always there must stay small."""

import importlib
import platform
import subprocess
import sys

import pytest

from corral.app.left_out import left_out

LARGE = {  # and who loads it when it is needed
    "PIL._imagingft": "nobody",
    "aiohttp.web": "nobody",  # its parts are imported one by one: the rest are a megabyte
    "argparse": "nobody",
    "gguf": "tests",
    "httpx._main": "nobody",
    "huggingface_hub": "nobody",
    "llama_cpp": "workers",
    "llguidance": "workers",
    "numpy": "workers",
    "pygments": "nobody",
    "rich": "other commands",
    "spake2": "who pairs",
    "yaml": "nobody",
}


@pytest.mark.parametrize(
    "module", ["corral.app.commands.serve", "corral.app.node", "corral.app.desktop.tray"]
)
def test_nothing_large_is_loaded_to_wait(module: str) -> None:
    program = (
        "import sys, corral.app.cli; from corral.app.commands.serve import load_logging; load_logging(); "
        f"import {module}; print(*sorted({set(LARGE)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_was_left_out_can_still_be_imported() -> None:
    with left_out("wave", "json"):
        import json  # loaded already

        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("wave")
    assert json.loads("1") == 1
    assert importlib.import_module("wave").Error


def test_freed_memory_goes_back_to_the_system() -> None:
    """glibc keeps what lies below something that is still used."""
    program = """
import ctypes, psutil
from corral.app import freed_memory
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
pieces = [c.malloc(60_000) for _ in range(1_000)]
for piece in pieces:
    ctypes.memset(piece, 1, 60_000)
for piece in pieces[:-1]:
    c.free(piece)
before = psutil.Process().memory_info().rss
freed_memory.give_back()
print(before - psutil.Process().memory_info().rss)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 30_000_000 or not _is_glibc()


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"

"""What a node doesn't load while it only waits: a tray program that is always there must stay small."""

import subprocess
import sys

import pytest

LARGE = {  # and who loads it when it is needed
    "numpy": "workers",
    "yaml": "nobody",
    "gguf": "tests",
    "llama_cpp": "workers",
    "llguidance": "workers",
    "huggingface_hub": "nobody",
    "httpx": "tests",
}


@pytest.mark.parametrize(
    "module", ["corral.app.commands.serve", "corral.app.node", "corral.app.desktop.tray"]
)
def test_nothing_large_is_loaded_to_wait(module: str) -> None:
    program = f"import sys, corral.app.cli, {module}; print(*sorted({set(LARGE)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

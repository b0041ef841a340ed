"""The unit tests of the web app's logic, which vitest runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_its_unit_tests() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "page_build.py"), "vitest", "run"],
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"vitest failed:\n{done.stdout}\n{done.stderr}", pytrace=False)

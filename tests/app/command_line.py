"""Commands of `corral`, run as a user types them."""

import os
import subprocess
import sys
import time
from pathlib import Path

DEADLINE_S = 60.0


class Commands:
    """Runs commands on one data folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CORRAL_")}
        return {**kept, "CORRAL_DATA_DIR": str(self.home), "COLUMNS": "200"}

    def __call__(self, *words: str | bytes, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "corral.app.cli", *words],
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=DEADLINE_S,
            check=False,
        )

    def done(self, *words: str | bytes, stdin: str = "") -> str:
        """The output of a command that must succeed."""
        finished = self(*words, stdin=stdin)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def failed(self, *words: str | bytes, stdin: str = "") -> str:
        """What a command that must fail says."""
        finished = self(*words, stdin=stdin)
        assert finished.returncode == 1, finished.stdout
        return finished.stderr

    def done_at_last(self, wanted: str, *words: str) -> str:
        """The output of a command as soon as it holds `wanted`; the history is written with a short delay."""
        deadline = time.monotonic() + DEADLINE_S
        while wanted not in (output := self.done(*words)):
            assert time.monotonic() < deadline, output
        return output

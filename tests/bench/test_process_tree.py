"""Processor time of a process and all below it."""

import os
import subprocess
import sys

from bench.process_tree import processor_s

_BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_children_that_have_ended_still_count() -> None:
    before = processor_s(os.getpid())
    subprocess.run([sys.executable, "-c", _BURN], check=True)
    assert processor_s(os.getpid()) - before >= 0.2

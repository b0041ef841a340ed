"""The command line."""

import asyncio
import os

from corral.app.node import run_node
from corral.app.server import loop_factory
from corral.app.settings import load_settings


def main() -> None:
    """Entry point."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            run_node(
                settings=load_settings(arguments={}, environ=os.environ),
                say=lambda text: print(text, flush=True),
            )
        )

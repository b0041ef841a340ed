"""Where pictures of the screen go, for people to look at."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that CORRAL_SCREENSHOTS names, or a temporary one."""
    named = os.environ.get("CORRAL_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

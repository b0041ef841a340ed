"""Model files that tests share, and the guards around every test."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.app.starter import STARTER_MODEL, fetch
from tests import guards
from tests.models import gemma, minilm
from tests.small_disk import SmallDisk, mounted

_CACHE = Path(__file__).parents[1] / ".cache" / "models"  # git-ignored; one per clone


def pytest_configure() -> None:
    """Where tests run in the background, the shell lets them and their children ignore Ctrl+C.

    And llama.cpp's threads mustn't spin for each other where others want to compute (see decision 4).
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("GOMP_SPINCOUNT", "500")


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """SmolLM2-135M-Instruct Q4_1: a real chat model, ChatML, no tool branch."""
    return fetch(STARTER_MODEL, _CACHE, say=print)


@pytest.fixture(scope="session")
def sliding_window_model() -> Path:
    """Gemma 3 270M Q4_K_M: a base model with sliding-window layers and no chat template."""
    return fetch(gemma.MODEL, _CACHE, say=print)


@pytest.fixture(scope="session")
def embedding_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """all-MiniLM-L6-v2 in f16: 384 dimensions, mean pooling, 512 tokens."""
    path = tmp_path_factory.mktemp("embedding") / "all-MiniLM-L6-v2.F16.gguf"
    minilm.write_embedder(minilm.sources(_CACHE), path)
    return path


@pytest.fixture(scope="session")
def rerank_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """all-MiniLM-L6-v2 with a classification head (pooling type RANK): deterministic, not clever."""
    path = tmp_path_factory.mktemp("rerank") / "minilm-reranker.F16.gguf"
    minilm.write_reranker(minilm.sources(_CACHE), path)
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of a few MB."""
    with mounted(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture(scope="session", autouse=True)
def _nothing_blocks_a_loop() -> Iterator[None]:
    detector = guards.blocking_call_detector()
    detector.activate()
    yield
    detector.deactivate()


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_nothing() -> Iterator[None]:
    guard = guards.Guard(
        {"threads": guards.threads, "processes": guards.child_processes, "sockets": guards.sockets}
    )
    yield
    guard.check()


@pytest.fixture(autouse=True)
def _test_leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """First of the function's fixtures, so it looks before and after all others."""
    guard = guards.Guard({"threads": guards.threads_without_pools, "processes": guards.child_processes})
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("_no_task_left")
    yield
    guard.check()


@pytest_asyncio.fixture
async def _no_task_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await guards.check_tasks(before)

"""One node for the tests that only ask, with every kind of model in its folder."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.acceptance.node import API_KEY, Node

CHAT = "smollm2-135m-instruct"
EMBEDDER = "all-minilm-l6-v2"
RERANKER = "minilm-reranker"
BASE = "gemma-3-270m"


@pytest.fixture(scope="session")
def models_folder(
    tmp_path_factory: pytest.TempPathFactory,
    starter_model: Path,
    embedding_model: Path,
    rerank_model: Path,
    sliding_window_model: Path,
) -> Path:
    """Links to every test model, as a user's models folder would hold them."""
    folder = tmp_path_factory.mktemp("models")
    for model in (starter_model, embedding_model, rerank_model, sliding_window_model):
        (folder / model.name).symlink_to(model)
    return folder


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[Node]:
    running = Node(tmp_path_factory.mktemp("node") / "data", models=models_folder)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(node: Node) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{node.url}/v1", api_key=API_KEY, max_retries=0) as client:
        yield client

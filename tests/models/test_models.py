"""The model files of the fixtures are what the library takes them for."""

from pathlib import Path

import pytest

from corral.engines import gguf_file
from corral.engines.model import Capability, ModelFile
from tests.models import synth_gguf


def read(path: Path) -> ModelFile:
    facts = path.stat()
    model = gguf_file.read_model((path,), size_bytes=facts.st_size, modified_at=facts.st_mtime)
    assert model is not None
    return model


@pytest.mark.parametrize(
    ("fixture", "architecture", "capabilities"),
    [
        ("starter_model", "llama", {Capability.CHAT, Capability.COMPLETION}),
        ("sliding_window_model", "gemma3", {Capability.COMPLETION}),
        ("embedding_model", "bert", {Capability.EMBEDDINGS}),
        ("rerank_model", "bert", {Capability.RERANK}),
    ],
)
def test_fixture(
    fixture: str, architecture: str, capabilities: set[Capability], request: pytest.FixtureRequest
) -> None:
    model = read(request.getfixturevalue(fixture))
    assert model.error is None
    assert model.architecture == architecture
    assert model.capabilities == capabilities


def test_the_tiny_llama_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("first.gguf", "second.gguf"):
        synth_gguf.write_llama(tmp_path / name)
    assert (tmp_path / "first.gguf").read_bytes() == (tmp_path / "second.gguf").read_bytes()
    assert Capability.CHAT in read(tmp_path / "first.gguf").capabilities


def test_a_llama_without_a_chat_template_only_completes(tmp_path: Path) -> None:
    synth_gguf.write_llama(tmp_path / "base.gguf", chat_template=None)
    assert read(tmp_path / "base.gguf").capabilities == {Capability.COMPLETION}

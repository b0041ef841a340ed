"""Models out of the lists of servers."""

from typing import Any

import pytest

from corral.app.endpoints.abilities import EMBEDDINGS, SEEING, TEXT, abilities_by_name
from corral.app.endpoints.answers import Answer, Answers
from corral.app.endpoints.listing import digest_of, listed_models, told_more
from corral.app.endpoints.offered import Offered
from corral.app.upstream.server import ServerKind
from corral.engines.model import Capability
from tests.fakes.lm_studio_server import DOWNLOADED
from tests.fakes.ollama_server import LLAMA


def answers(**lists: tuple[str, list[Any]]) -> Answers:
    by_path = {
        name.replace("_", "/"): Answer(status=200, json={key: rows}) for name, (key, rows) in lists.items()
    }
    return Answers(by_path={f"/{path}": answer for path, answer in by_path.items()})


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("llama-3.1-8b-instruct", TEXT),
        ("gpt-oss:20b", TEXT),
        ("nomic-embed-text:latest", EMBEDDINGS),
        ("text-embedding-3-small", EMBEDDINGS),
        ("embeddinggemma:300m", EMBEDDINGS),
        ("BAAI/bge-m3", EMBEDDINGS),
        ("intfloat/e5-mistral-7b", EMBEDDINGS),
        ("all-minilm:33m", EMBEDDINGS),
        ("BAAI/bge-reranker-v2-m3", {Capability.RERANK}),
        ("Qwen3-Reranker-4B", {Capability.RERANK}),
        ("whisper-large-v3", {Capability.SPEECH_TO_TEXT}),
        ("gpt-4o-transcribe", {Capability.SPEECH_TO_TEXT}),
        ("gpt-4o-mini-tts", {Capability.TEXT_TO_SPEECH}),
        ("tts-1-hd", {Capability.TEXT_TO_SPEECH}),
        ("kokoro-82m", {Capability.TEXT_TO_SPEECH}),
        ("dall-e-3", {Capability.IMAGE_GENERATION}),
        ("FLUX.1-schnell", {Capability.IMAGE_GENERATION}),
        ("stable-diffusion-xl", {Capability.IMAGE_GENERATION}),
        ("qwen2.5-vl-7b", SEEING),
        ("llava:13b", SEEING),
        ("settle-7b", TEXT),
        ("evlyn-3b", TEXT),
        ("smollm2-360m", TEXT),
    ],
)
def test_abilities_by_name(name: str, able: frozenset[str]) -> None:
    assert abilities_by_name(name) == able


def test_an_openai_list() -> None:
    rows: list[Any] = [
        {"id": "m", "created": 5, "context_length": 4096},
        {"id": "text-embedding-3-small", "object": "model"},
        {
            "id": "own",
            "capabilities": {"chat_completion": True, "rerank": False},
            "size_bytes": 7,
            "quantization": "Q4_0",
        },
        {"id": ""},
        {"id": "a:b:c"},
        {"id": 7},
        {"id": "x" * 513},
        "m",
    ]
    models = listed_models(answers(v1_models=("data", rows)), ServerKind.OPENAI_COMPATIBLE)
    assert models == [
        Offered(id="m", name="m", abilities=frozenset(TEXT), context_length=4096, created=5),
        Offered(id="text-embedding-3-small", name="text-embedding-3-small", abilities=frozenset(EMBEDDINGS)),
        Offered(id="own", name="own", abilities=frozenset({"chat"}), size_bytes=7, quantization="Q4_0"),
    ]


def test_vllm_says_what_it_serves_under_a_name() -> None:
    rows = [{"id": "our-embedder", "root": "BAAI/bge-m3", "max_model_len": 8192, "owned_by": "vllm"}]
    (model,) = listed_models(answers(v1_models=("data", rows)), ServerKind.VLLM) or []
    assert (model.abilities, model.context_length, model.file_id) == (EMBEDDINGS, 8192, "vllm:BAAI/bge-m3")


@pytest.mark.parametrize(
    "id", ["/models/SmolLM2-135M-Instruct.Q4_1.gguf", "C:\\llm\\SmolLM2-135M-Instruct.Q4_1.gguf"]
)
def test_llama_server_names_models_as_this_program_names_their_files(id: str) -> None:
    meta = {"n_ctx": 512, "n_ctx_train": 8192, "n_params": 134515008, "size": 96576768, "ftype": "Q4_1"}
    rows = [{"id": id, "owned_by": "llamacpp", "created": 1795616895, "meta": meta}]
    (model,) = listed_models(answers(v1_models=("data", rows)), ServerKind.LLAMA_CPP) or []
    assert (model.id, model.name) == (id, "smollm2-135m-instruct")
    assert model.also == ("smollm2-135m-instruct:Q4_1", "SmolLM2-135M-Instruct.Q4_1")
    assert (model.context_length, model.size_bytes, model.quantization) == (512, 96576768, "Q4_1")
    assert model.file_id == "llama.cpp:smollm2-135m-instruct:96576768:134515008:Q4_1"


def test_llama_server_with_a_name_of_its_own_and_a_projector() -> None:
    rows = [{"id": "house", "owned_by": "llamacpp", "architecture": {"input_modalities": ["text", "image"]}}]
    (model,) = listed_models(answers(v1_models=("data", rows)), ServerKind.LLAMA_CPP) or []
    assert (model.name, model.also, model.file_id, model.abilities) == ("house", (), "", SEEING)


def test_lm_studio_says_what_its_models_are_for() -> None:
    ready = [{"id": model["id"]} for model in DOWNLOADED[:2]]
    both = answers(api_v0_models=("data", [dict(each) for each in DOWNLOADED]), v1_models=("data", ready))
    models = listed_models(both, ServerKind.LM_STUDIO) or []
    assert [(each.name, each.abilities, each.context_length, each.quantization) for each in models] == [
        ("qwen2-vl-7b-instruct", SEEING, 32768, "4bit"),
        ("meta-llama-3.1-8b-instruct", TEXT, 4096, "Q4_K_M"),
    ]
    alone = answers(api_v0_models=("data", [dict(DOWNLOADED[2])]))
    assert [each.abilities for each in listed_models(alone, ServerKind.LM_STUDIO) or []] == [EMBEDDINGS]


def test_ollama_lists_and_tells_more() -> None:
    found = answers(api_tags=("models", [LLAMA.listed()]))
    (model,) = listed_models(found, ServerKind.OLLAMA) or []
    assert (model.id, model.quantization, model.size_bytes) == ("llama3.2:latest", "Q4_K_M", LLAMA.size)
    assert model.file_id == f"ollama:{LLAMA.digest}"
    assert digest_of(found, "llama3.2:latest") == LLAMA.digest
    assert digest_of(found, "other") is None
    more = told_more(model, LLAMA.shown())
    assert (more.context_length, more.abilities) == (131072, TEXT)
    assert more.file_id == f"sha256:{LLAMA.blob}"
    seeing = told_more(model, {**LLAMA.shown(), "capabilities": ["completion", "vision"]})
    assert seeing.abilities == SEEING
    assert told_more(model, {}) == model


def test_a_list_of_the_other_kind_is_better_than_none() -> None:
    tags = answers(api_tags=("models", [LLAMA.listed()]))
    assert [each.id for each in listed_models(tags, ServerKind.OPENAI_COMPATIBLE) or []] == [
        "llama3.2:latest"
    ]
    plain = answers(v1_models=("data", [{"id": "m"}]))
    assert [each.id for each in listed_models(plain, ServerKind.OLLAMA) or []] == ["m"]
    assert [each.id for each in listed_models(plain, ServerKind.LM_STUDIO) or []] == ["m"]
    assert listed_models(Answers(), ServerKind.OLLAMA) is None

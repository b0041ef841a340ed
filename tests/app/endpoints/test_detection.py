"""Which program answers, from what was answered."""

from typing import Any

import pytest

from corral.app.endpoints.answers import Answer, Answers
from corral.app.endpoints.detection import cluster_of, detect, slots_of, version_of
from corral.app.upstream.server import ServerKind


def ok(json: Any, program: str = "") -> Answer:
    return Answer(status=200, json=json, program=program)


def models(*models: dict[str, Any]) -> dict[str, Answer]:
    return {"/v1/models": ok({"object": "list", "data": list(models)})}


def model(owner: str, **more: Any) -> dict[str, Any]:
    return {"id": "m", "object": "model", "owned_by": owner, **more}


PLAIN = models(model("someone"))
TAGS = {"/api/tags": ok({"models": [{"name": "m:latest"}]})}
OLLAMA = {**models(model("library")), **TAGS, "/api/version": ok({"version": "0.12.3"})}
UNKNOWN_TO_LM_STUDIO = ok({"error": "Unexpected endpoint or method. (GET /x)"})
LM_STUDIO = {
    **dict.fromkeys(["/api/tags", "/api/version", "/version", "/props", "/api/system"], UNKNOWN_TO_LM_STUDIO),
    **models(model("organization_owner")),
    "/api/v0/models": ok({"data": [{"id": "m", "type": "llm", "state": "not-loaded"}]}),
}
PROPS = {"/props": ok({"default_generation_settings": {}, "total_slots": 1, "build_info": "b6123-abc"})}
CORRAL = {
    **models(model("corral")),
    **TAGS,
    "/api/version": ok({"version": "0.12.3"}),
    "/pair/info": ok({"cluster": "abc", "name": "corral", "members": 1, "used": True, "founded_at": 1.0}),
}


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({}, None),
        ({"/v1/models": Answer(status=401, json={"error": {"message": "no"}})}, None),
        ({"/v1/models": ok(["m"])}, None),
        ({"/v1/models": ok({"data": "m"})}, None),
        ({"/v1/models": ok(None)}, None),
        (models(), ServerKind.OPENAI_COMPATIBLE),
        (PLAIN, ServerKind.OPENAI_COMPATIBLE),
        (OLLAMA, ServerKind.OLLAMA),
        (TAGS, ServerKind.OLLAMA),
        ({**PLAIN, **TAGS}, ServerKind.OPENAI_COMPATIBLE),
        (LM_STUDIO, ServerKind.LM_STUDIO),
        (models(model("vllm")), ServerKind.VLLM),
        ({**models(model("me", max_model_len=1)), "/version": ok({"version": "0.10"})}, ServerKind.VLLM),
        ({**models(model("sglang", max_model_len=1))}, ServerKind.OPENAI_COMPATIBLE),
        (models(model("llamacpp")), ServerKind.LLAMA_CPP),
        ({**models(model("llamacpp")), **TAGS}, ServerKind.LLAMA_CPP),
        ({"/v1/models": ok({"data": [model("me")]}, program="llama.cpp")}, ServerKind.LLAMA_CPP),
        ({**PLAIN, **PROPS}, ServerKind.LLAMA_CPP),
        ({**PLAIN, "/props": ok({"total_slots": 1})}, ServerKind.OPENAI_COMPATIBLE),
        ({**PLAIN, "/api/system": ok({"xllm_version": "0.1.0"})}, ServerKind.XLLM),
        ({**OLLAMA, "/api/system": ok({"xllm_version": "0.1.0"})}, ServerKind.XLLM),
        ({**PLAIN, "/v0/system": ok({"device": {"device_type": "gpu", "gpu_devices": []}})}, ServerKind.XLLM),
        ({**PLAIN, "/v0/system": ok({"version": "1", "node": "desk"})}, ServerKind.OPENAI_COMPATIBLE),
        (models(model("xllm")), ServerKind.XLLM),
        (CORRAL, ServerKind.OPENAI_COMPATIBLE),
    ],
)
def test_the_surest_sign_counts(answers: dict[str, Answer], kind: ServerKind | None) -> None:
    assert detect(Answers(by_path=answers)) is kind


def test_a_cluster_says_which_it_is() -> None:
    assert cluster_of(Answers(by_path=CORRAL)) == "abc"
    assert cluster_of(Answers(by_path=OLLAMA)) is None


@pytest.mark.parametrize(
    ("props", "slots"),
    [({"total_slots": 4}, 4), ({"total_slots": 0}, None), ({"total_slots": "4"}, None), ({}, None)],
)
def test_llama_server_says_how_many_answers_it_gives_at_once(
    props: dict[str, Any], slots: int | None
) -> None:
    assert slots_of(Answers(by_path={"/props": ok(props)})) == slots


@pytest.mark.parametrize(
    ("answers", "kind", "version"),
    [
        (OLLAMA, ServerKind.OLLAMA, "0.12.3"),
        (PROPS, ServerKind.LLAMA_CPP, "b6123-abc"),
        ({"/version": ok({"version": 7})}, ServerKind.VLLM, None),
        (PLAIN, ServerKind.OPENAI_COMPATIBLE, None),
    ],
)
def test_versions(answers: dict[str, Answer], kind: ServerKind, version: str | None) -> None:
    assert version_of(Answers(by_path=answers), kind) == version

"""Reading what runtimes say of their models."""

import orjson
import pytest

from corral.app.runtimes.model_list import BadModelList, listed, with_heartbeat
from corral.app.upstream.server import ServerKind
from tests.app.runtimes.records import heartbeat

TEXT = {"chat", "completion"}


def of(*entries: object, **more: object) -> bytes:
    return orjson.dumps({"object": "list", "data": entries, **more})


def test_a_list_of_xllm() -> None:
    flags = {"chat_completion": True, "completion": False, "embeddings": False}
    found = listed(
        of(
            {"id": "org/a", "object": "model", "created": 5, "ready": False, "capabilities": flags},
            {"id": "b"},
        )
    )
    assert found.kind is ServerKind.XLLM and found.ids == {"org/a": "org/a", "b": "b"}
    assert [(each.id, each.created, each.ready, set(each.capabilities)) for each in found.models] == [
        ("org/a", 5, False, {"chat"}),
        ("b", 0, True, TEXT),
    ]


def test_a_list_of_llama_server_names_no_path() -> None:
    meta = {"n_ctx_train": 8192, "size": 123, "n_params": 9}
    path = "/home/ada/models/SmolLM2-135M-Instruct.Q4_1.gguf"
    listing = listed(of({"id": path, "owned_by": "llamacpp", "meta": meta}))
    (found,) = listing.models
    assert listing.kind is ServerKind.LLAMA_CPP
    assert (found.context_length, found.size_bytes, found.ready) == (8192, 123, True)
    assert found.id == "smollm2-135m-instruct" and listing.ids[found.id] == path
    assert "home" not in found.id and found.file_id is not None


def test_nonsense_among_models_is_left_out() -> None:
    entries = [None, 5, {}, {"id": ""}, {"id": "x" * 600}, {"id": ["a"]}, {"id": "a"}, {"id": "a"}]
    odd = {"id": "b", "created": "soon", "meta": [], "capabilities": {"chat_completion": "yes"}, "ready": 1}
    assert [each.id for each in listed(of(*entries, odd)).models] == ["a", "b"]
    assert len(listed(of(*({"id": str(number)} for number in range(5000)))).models) == 1000


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"data":{}}', b'{"data":null}', b"5"])
def test_what_is_no_list(answer: bytes) -> None:
    with pytest.raises(BadModelList):
        listed(answer)


def test_a_heartbeat_says_what_is_loaded() -> None:
    listing = listed(of({"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d", "ready": True}))
    beat = heartbeat(loaded_models=("A",), loaded_embedding_models=("b",))
    found = [(each.id, each.ready, set(each.capabilities)) for each in with_heartbeat(listing, beat).models]
    assert found == [("a", True, TEXT), ("b", True, {"embeddings"}), ("c", False, TEXT), ("d", True, TEXT)]
    assert with_heartbeat(listing, None) is listing
    assert with_heartbeat(listing, heartbeat()) is listing  # it doesn't say which

"""What a model's content is called, and which manifests are believed."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from corral.app.model_copy.errors import BadManifest
from corral.app.model_copy.manifest import (
    Manifest,
    ModelSum,
    Part,
    check,
    decode_manifest,
    encode_manifest,
    id_of,
    is_model_sum,
    is_safe_name,
    pieces_of,
)

PIECE = 64 * 1024


def sums(count: int) -> bytes:
    return b"".join(sha256(bytes([number])).digest() for number in range(count))


def part(name: str = "a.gguf", size_bytes: int = PIECE + 1, **changes: Any) -> Part:
    fields: dict[str, Any] = {
        "name": name,
        "size_bytes": size_bytes,
        "sha256": sha256(b"whole").digest(),
        "pieces": sums(-(-size_bytes // PIECE)),
    }
    return Part(**{**fields, **changes})


def manifest(*parts: Part, **changes: Any) -> Manifest:
    return Manifest(**{"piece_bytes": PIECE, "parts": parts or (part(),), **changes})


def test_the_id_is_of_the_content_not_of_the_names() -> None:
    assert id_of(manifest(part("a.gguf"))) == id_of(manifest(part("b.gguf")))
    assert is_model_sum(id_of(manifest()))


@pytest.mark.parametrize(
    "other",
    [
        manifest(part(size_bytes=PIECE + 2)),
        manifest(part(sha256=sha256(b"other").digest())),
        manifest(part(pieces=sums(3)[32:])),
        manifest(part(), part("b.gguf")),
        manifest(piece_bytes=2 * PIECE),
    ],
)
def test_whatever_else_differs_makes_another_id(other: Manifest) -> None:
    assert id_of(other) != id_of(manifest())


def test_pieces_never_reach_from_one_file_into_the_next() -> None:
    cut = pieces_of(manifest(part(size_bytes=PIECE + 5), part("b.gguf", size_bytes=PIECE)))
    assert [(each.number, each.part, each.offset, each.start, each.size_bytes) for each in cut] == [
        (0, 0, 0, 0, PIECE),
        (1, 0, PIECE, PIECE, 5),
        (2, 1, 0, PIECE + 5, PIECE),
    ]
    assert cut[1].sha256 == sums(2)[32:]


def test_a_manifest_comes_through_as_it_was() -> None:
    sent = manifest(part(), part("b.gguf"))
    assert decode_manifest(encode_manifest(sent), id_of(sent)) == sent


@pytest.mark.parametrize(
    "wrong",
    [
        manifest(part(pieces=sums(1))),
        manifest(part(pieces=sums(3))),
        manifest(part("../a.gguf")),
        manifest(part("a.gguf"), part("A.GGUF")),
        manifest(version=2),
    ],
)
def test_manifests_that_contradict_themselves(wrong: Manifest) -> None:
    with pytest.raises(BadManifest):
        check(wrong)
    with pytest.raises(BadManifest):
        decode_manifest(encode_manifest(wrong), id_of(wrong))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"\xff" * 10,
        b" " * (17 * 1024 * 1024),
        encode_manifest(manifest(part(sha256=sha256(b"other").digest()))),
        encode_manifest(manifest(piece_bytes=1)),
        encode_manifest(manifest(piece_bytes=2**40)),
        msgspec.json.encode({"parts": []}),
        msgspec.json.encode({"parts": [{"name": "a.gguf", "size_bytes": -1, "sha256": "", "pieces": ""}]}),
    ],
)
def test_what_a_peer_may_send_instead(data: bytes) -> None:
    with pytest.raises(BadManifest):
        decode_manifest(data, id_of(manifest()))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", True),
        ("Qwen3-32B-00001-of-00002.GGUF", True),
        ("parrot.echo", True),
        ("модель.gguf", True),
        ("..gguf", False),
        (".hidden.gguf", False),
        ("../up.gguf", False),
        ("/etc/passwd.gguf", False),
        ("a\\b.gguf", False),
        ("C:a.gguf", False),
        ("a\0.gguf", False),
        ("a\n.gguf", False),
        ("con?.gguf", False),
        ("a.txt", False),
        ("a.gguf.part", False),
        ("", False),
        ("ж" * 120 + ".gguf", False),
    ],
)
def test_names_of_files(name: str, safe: bool) -> None:
    assert is_safe_name(name) == safe


def test_ids() -> None:
    assert is_model_sum("a1" * 32)
    assert not any(map(is_model_sum, ["", "a" * 63, "A" * 64, "a" * 64 + "\n", "../" + "a" * 61]))
    assert ModelSum("x") == "x"

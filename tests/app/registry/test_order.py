"""Orders as they go between machines and lie in journals: what they look like, and what is refused."""

import json
from typing import Any

import pytest

from corral.app.model_copy.second_copy import Site
from corral.app.registry.machines import best_first, memory_warning
from corral.app.registry.order import BadOrder, Order, WantedFile, decode, encode
from corral.peers.ids import NodeId

ORDER = Order(
    model="acme/parrot",
    repo="Acme/Parrot",
    commit="c0ffee",
    format="gguf",
    quantization="Q4_0",
    files=(
        WantedFile(path="Q4_0/a-00001-of-00002.gguf", size_bytes=5, sha256="a" * 64),
        WantedFile(path="Q4_0/a-00002-of-00002.gguf", size_bytes=6, blob_id="b" * 40),
    ),
)
TEXT = (
    '{"model":"acme/parrot","repo":"Acme/Parrot","commit":"c0ffee","format":"gguf","quantization":"Q4_0","files":['
    '{"path":"Q4_0/a-00001-of-00002.gguf","size_bytes":5,"sha256":"' + "a" * 64 + '"},'
    '{"path":"Q4_0/a-00002-of-00002.gguf","size_bytes":6,"blob_id":"' + "b" * 40 + '"}]}'
)


def test_an_order_on_the_wire() -> None:
    assert encode(ORDER).decode() == TEXT
    assert decode(TEXT.encode()) == ORDER
    assert (ORDER.name, ORDER.size_bytes) == ("acme/parrot:Q4_0", 11)


def test_the_id_says_what_is_ordered() -> None:
    """Unfinished downloads of older versions are found by it."""
    assert ORDER.id == "7d3386a03540696c097dc705c61039b6f1f9cc2194558fc36d0b1c9db1e0ea1b"


def test_what_a_newer_version_adds_is_ignored() -> None:
    assert decode(json.dumps({**json.loads(TEXT), "colour": "red"}).encode()) == ORDER


@pytest.mark.parametrize(
    "change",
    [
        {"model": "Acme/Parrot"},
        {"model": "../parrot"},
        {"model": "a/b/c"},
        {"model": "a/.."},
        {"model": "a..b"},
        {"commit": "../main"},
        {"format": "pickle"},
        {"files": []},
        {"files": [{"path": "../x.gguf", "size_bytes": 1}]},
        {"files": [{"path": "/x.gguf", "size_bytes": 1}]},
        {"files": [{"path": "a.gguf", "size_bytes": -1}]},
        {"files": [{"path": "a.gguf", "size_bytes": 1, "sha256": "A" * 64}]},
        {"files": [{"path": "a.gguf", "size_bytes": 1}, {"path": "A.gguf", "size_bytes": 1}]},
    ],
    ids=str,
)
def test_what_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadOrder):
        decode(json.dumps({**json.loads(TEXT), **change}).encode())


def site(node: str, free_bytes: int, *, active: int = 0) -> Site:
    return Site(
        node=NodeId(node),
        active=active,
        cpu_percent=0.0,
        free_bytes=free_bytes,
        on_battery=False,
        in_use=False,
    )


@pytest.mark.parametrize(
    ("sites", "order"),
    [
        ([site("small", 100), site("large", 300)], ["large", "small"]),
        ([site("busy", 900, active=1), site("idle", 300)], ["idle", "busy"]),
        ([site("busy", 900, active=1), site("small", 100)], ["busy", "small"]),
    ],
)
def test_who_downloads(sites: list[Site], order: list[str]) -> None:
    assert best_first(sites, 150) == order


@pytest.mark.parametrize(
    ("memories", "warns"),
    [([], False), ([0], False), ([1500], False), ([100, 1499], True), ([0, 2000], False)],
)
def test_when_memory_is_short(memories: list[int], warns: bool) -> None:
    assert (memory_warning(1000, memories) is not None) is warns

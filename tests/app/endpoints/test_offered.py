"""Models of servers: names that mean them, and how they are kept."""

import msgspec

from corral.app.endpoints.inquiry import dated
from corral.app.endpoints.offered import MOST_MODELS, Offered, catalogue, difference, packed, unpacked
from corral.peers.replication.cell import MOST_VALUE_CHARACTERS


def offered(id: str, **more: object) -> Offered:
    return msgspec.convert({"id": id, "name": id, **more}, Offered)


def test_every_name_of_a_model_means_it() -> None:
    small, big = offered("llama3:latest"), offered("llama3:70b", also=["the-big-one"])
    found = catalogue([small, big, offered("LLAMA3:70B", size_bytes=7)])
    assert [model.id for model in found.served] == ["llama3:latest", "llama3:70b"]
    for name in ("llama3", "Llama3", " llama3:latest "):
        assert found.find(name) is small
    for name in ("llama3:70b", "The-Big-One"):
        assert found.find(name) is big
    assert found.find("llama") is None


def test_a_real_name_comes_before_any_other() -> None:
    plain = offered("m")
    assert catalogue([offered("m:latest"), offered("x", also=["m"]), plain]).find("m") is plain


def test_differences_are_told_by_name() -> None:
    before = [offered("a"), offered("b"), offered("c")]
    after = [offered("b"), offered("c", size_bytes=1), offered("d")]
    changed = difference(before, after)
    assert (changed.added, changed.removed, changed.updated) == (("d",), ("a",), ("c",))
    assert not difference(before, before)


def test_long_lists_are_kept_in_parts_that_fit_a_cell() -> None:
    models = [
        offered(f"{number:04}" + "x" * 500, abilities=["chat", "vision"], context_length=4096)
        for number in range(MOST_MODELS + 5)
    ]
    parts = packed(models)
    assert len(parts) > 10
    assert all(len(msgspec.json.encode(part)) < MOST_VALUE_CHARACTERS for part in parts)
    assert unpacked(parts) == models[:MOST_MODELS]
    assert packed([]) == [[]]


def test_what_a_later_version_wrote_is_left_out() -> None:
    parts: list[object] = [[{"id": "a", "name": "a", "colour": "red"}, {"id": 7}, "b"], {"more": 1}, []]
    assert [model.id for model in unpacked(parts)] == ["a"]


def test_a_model_is_as_old_as_its_first_listing() -> None:
    before = [offered("a", created=5)]
    again = dated([offered("a", created=99), offered("b", created=99)], before, now=42.5)
    assert [(model.id, model.created) for model in again] == [("a", 5), ("b", 42)]

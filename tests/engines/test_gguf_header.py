"""GGUF headers: read like the gguf package reads them, and never more than an error from broken files."""

import struct
from pathlib import Path

import pytest
from gguf import GGUFReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corral.engines.errors import ModelBroken
from corral.engines.gguf_header import read_header
from tests.engines.gguf_files import write_gguf


def sample(folder: Path) -> Path:
    return write_gguf(
        folder / "sample.gguf",
        numbers={"context_length": 4096, "block_count": 2},
        layer_numbers={"attention.head_count_kv": [0, 4]},
        texts={"tokenizer.chat_template": "{{ ünicode }}"},
        words=[f"word {number}" for number in range(5000)],
    )


def test_a_small_file_reads_as_it_was_written(tmp_path: Path) -> None:
    path = sample(tmp_path)
    header = read_header(path)
    assert header.text("general.architecture") == "llama"
    assert header.number("llama.context_length") == 4096
    assert header.metadata["llama.attention.head_count_kv"] == (0, 4)
    assert header.text("tokenizer.chat_template") == "{{ ünicode }}"
    assert "tokenizer.ggml.tokens" not in header.metadata
    assert header.tensor_count == 2
    assert path.stat().st_size - 32 < header.end <= path.stat().st_size  # but for padding
    assert header.number("no.such.key") == 0
    assert header.text("no.such.key") == ""


def test_the_package_reads_the_same(tmp_path: Path) -> None:
    path = sample(tmp_path)
    header, reader = read_header(path), GGUFReader(path)
    last = reader.tensors[-1]
    assert header.end == last.data_offset + last.n_bytes
    for key, value in header.metadata.items():
        theirs = reader.fields[key].contents()
        assert (tuple(theirs) if isinstance(theirs, list) else theirs) == value


def test_a_real_model_ends_where_its_header_says(starter_model: Path) -> None:
    header = read_header(starter_model)
    assert header.end == starter_model.stat().st_size
    assert header.text("general.architecture") == "llama"


def test_a_file_cut_off_anywhere_in_its_header_is_incomplete(tmp_path: Path) -> None:
    data = write_gguf(tmp_path / "whole.gguf", numbers={"block_count": 2}, words=["a", "bc"]).read_bytes()
    header_end = read_header(tmp_path / "whole.gguf").end - 2 * 4000
    cut = tmp_path / "cut.gguf"
    for size in range(4, header_end - 32):
        cut.write_bytes(data[:size])
        with pytest.raises(ModelBroken, match="incomplete"):
            read_header(cut)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a GGUF file"),
        (b"PK\3\4", "not a GGUF file"),
        (b"GGUF" + struct.pack("<I", 1), "version 1"),
        (b"GGUF" + struct.pack(">I", 3), "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "metadata entries"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "too long"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 99), "unknown value type 99"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "array of arrays"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 8, 2**40), "array elements"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQQ", 3, 0, 1, 1, b"k", 9, 8, 1, 2**63), "incomplete"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"t", 99), "dimensions"),
    ],
)
def test_foreign_and_hostile_files_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelBroken, match=reason):
        read_header(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(position=st.integers(4, 10_000), byte=st.integers(0, 255))
def test_one_wrong_byte_never_does_more_than_break_the_file(tmp_path: Path, position: int, byte: int) -> None:
    path = tmp_path / "whole.gguf"
    if not path.exists():
        write_gguf(path, numbers={"block_count": 2}, layer_numbers={"x": [1, 2]}, words=["a", "b"])
    data = bytearray(path.read_bytes()[:500])
    data[position % len(data)] = byte
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(data)
    try:
        read_header(damaged)
    except ModelBroken:
        return

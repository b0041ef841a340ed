"""Our numbers of the GGUF format are those of the gguf package."""

from gguf.constants import (
    GGML_QUANT_SIZES,
    GGUF_DEFAULT_ALIGNMENT,
    GGUF_MAGIC,
    GGUFValueType,
    LlamaFileType,
    PoolingType,
)

from corral.engines import gguf_constants


def test_value_types_and_poolings_are_the_same() -> None:
    assert {each.name: each.value for each in gguf_constants.ValueType} == {
        each.name: each.value for each in GGUFValueType
    }
    assert {each.name: each.value for each in gguf_constants.Pooling} == {
        each.name: each.value for each in PoolingType
    }


def test_the_file_begins_and_is_aligned_the_same() -> None:
    assert int.from_bytes(gguf_constants.MAGIC, "little") == GGUF_MAGIC
    assert gguf_constants.DEFAULT_ALIGNMENT == GGUF_DEFAULT_ALIGNMENT


def test_blocks_have_the_same_sizes() -> None:
    assert {kind.value: size for kind, size in GGML_QUANT_SIZES.items()} == gguf_constants.BLOCKS


def test_file_types_have_the_same_names() -> None:
    theirs = {
        each.value: each.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for each in LlamaFileType
        if each is not LlamaFileType.GUESSED
    }
    assert theirs == gguf_constants.QUANTIZATIONS

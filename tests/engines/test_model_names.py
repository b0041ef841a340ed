"""Names from file names."""

from pathlib import Path

import pytest

from corral.engines.model_names import FileName, default_order, parse


@pytest.mark.parametrize(
    ("path", "base", "quantization"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct", "Q4_1"),
        ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "llama-3.2-1b-instruct", "Q4_K_M"),
        ("qwen2.5-coder-7b-instruct-q8_0.gguf", "qwen2.5-coder-7b-instruct", "Q8_0"),
        ("Qwen3-32B-UD-Q4_K_XL.gguf", "qwen3-32b", "UD-Q4_K_XL"),
        ("Meta-Llama-3-8B.IQ2_XXS.gguf", "meta-llama-3-8b", "IQ2_XXS"),
        ("gpt-oss-20b-mxfp4.gguf", "gpt-oss-20b", "MXFP4"),
        ("all-MiniLM-L6-v2.F16.gguf", "all-minilm-l6-v2", "F16"),
        ("phi-4.gguf", "phi-4", ""),
        ("My Model (final)!.gguf", "my-model-final", ""),
        ("ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q8_0.gguf", "gemma-3-1b-it", "Q8_0"),
        (
            "hub/models--org--Some-Model-GGUF/snapshots/" + "0a" * 20 + "/ggml-model-f16.gguf",
            "some-model",
            "F16",
        ),
        ("lmstudio/author/Some-Model-GGUF/model.gguf", "some-model", ""),
        ("Ünïcode-Q4_0.gguf", "n-code", "Q4_0"),
        ("....gguf", "model", ""),
    ],
)
def test_the_name_and_quantisation_of_a_file(path: str, base: str, quantization: str) -> None:
    name = parse(Path(path))
    assert (name.base, name.quantization) == (base, quantization)


def test_a_part_knows_its_place() -> None:
    name = parse(Path("Big-Model-Q4_K_M-00002-of-00003.gguf"))
    assert name == FileName("big-model", "Q4_K_M", "Big-Model-Q4_K_M", part=2, parts=3)


@pytest.mark.parametrize(
    ("quantizations", "first"),
    [
        ([("Q8_0", 8), ("Q4_K_M", 5), ("Q2_K", 3)], "Q4_K_M"),
        ([("Q8_0", 8), ("Q5_K_M", 6), ("Q2_K", 3)], "Q5_K_M"),
        ([("Q2_K", 3), ("IQ1_S", 2), ("Q3_K_L", 4)], "Q3_K_L"),
        ([("F16", 16), ("", 1)], "F16"),
        ([("UD-Q4_K_XL", 5), ("Q6_K", 7)], "UD-Q4_K_XL"),
    ],
)
def test_the_quantisation_that_is_meant_when_none_is_named(
    quantizations: list[tuple[str, int]], first: str
) -> None:
    ordered = sorted(quantizations, key=lambda each: default_order(each[0], each[1], each[0]))
    assert ordered[0][0] == first

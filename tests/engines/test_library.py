"""What the library makes of folders: real models, parts, foreign and broken files, links."""

import os
import shutil
from pathlib import Path

import pytest
from gguf import LlamaFileType

from corral.engines.errors import InvalidRequest, ModelNotFound
from corral.engines.library import NO_ENGINE, Library
from corral.engines.model import Capability, ModelFile
from corral.engines.model_folders import MARKER
from tests.engines.echo_files import write_echo
from tests.engines.gguf_files import write_gguf, write_split

STARTER_BYTES = 98_362_432
CHAT = frozenset({Capability.CHAT, Capability.COMPLETION})


async def scanned(folder: Path, *extra: Path) -> Library:
    library = Library(folder=folder, extra_folders=extra)
    await library.scan()
    return library


async def only(folder: Path) -> ModelFile:
    (model,) = (await scanned(folder)).models()
    return model


def names(library: Library) -> list[str]:
    return [model.name for model in library.models()]


async def test_a_real_model_is_described_by_its_header(tmp_path: Path, starter_model: Path) -> None:
    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").symlink_to(starter_model)
    model = await only(tmp_path)
    assert model.name == "smollm2-135m-instruct"
    assert model.quantization == "Q4_1"
    assert model.architecture == "llama"
    assert model.context_length == 8192
    assert model.layers == 30
    assert model.kv_bytes_per_token == 30 * 3 * (64 + 64) * 2
    assert model.capabilities == CHAT
    assert model.size_bytes == STARTER_BYTES
    assert model.error is None


@pytest.mark.parametrize(
    "name",
    [
        "smollm2-135m-instruct",
        "SmolLM2-135M-Instruct",
        "smollm2-135m-instruct:Q4_1",
        "smollm2-135m-instruct:q4_1",
        "SmolLM2-135M-Instruct.Q4_1",
    ],
)
async def test_a_model_has_several_names(tmp_path: Path, name: str) -> None:
    write_gguf(tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert (await scanned(tmp_path)).resolve(name).quantization == "Q4_1"


async def test_unknown_names_are_not_found_and_close_ones_hinted_at(tmp_path: Path) -> None:
    write_gguf(tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf")
    library = await scanned(tmp_path)
    with pytest.raises(ModelNotFound, match="did you mean 'smollm2-135m-instruct'"):
        library.resolve("smollm-135m-instruct")
    with pytest.raises(ModelNotFound, match="no model 'smollm2-135m-instruct:Q8_0'"):
        library.resolve("smollm2-135m-instruct:Q8_0")
    with pytest.raises(InvalidRequest, match="one colon"):
        library.resolve("a:b:c")
    with pytest.raises(ModelNotFound) as caught:
        library.resolve("x" * 1_000_000)
    assert len(caught.value.message) < 300


async def test_several_quantisations_are_listed_with_theirs(tmp_path: Path) -> None:
    for quantization in ("Q8_0", "Q4_K_M", "Q2_K"):
        write_gguf(tmp_path / f"Horse-1B-{quantization}.gguf")
    library = await scanned(tmp_path)
    assert names(library) == ["horse-1b:Q4_K_M", "horse-1b:Q8_0", "horse-1b:Q2_K"]
    assert library.resolve("horse-1b").quantization == "Q4_K_M"
    assert library.resolve("horse-1b:q8_0").quantization == "Q8_0"


async def test_the_first_folder_wins_unless_its_file_is_broken(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_gguf(folder / "Horse-Q4_0.gguf")
        write_gguf(folder / "Mule-Q4_0.gguf")
    (first / "Mule-Q4_0.gguf").write_bytes(b"GGUF")
    library = await scanned(first, second, tmp_path / "missing")
    assert names(library) == ["horse", "mule"]
    assert library.resolve("horse").paths == (first / "Horse-Q4_0.gguf",)
    assert library.resolve("mule").paths == (second / "Mule-Q4_0.gguf",)


async def test_parts_are_one_model(tmp_path: Path) -> None:
    paths = write_split(tmp_path, "Big-Horse-Q4_K_M", 3)
    model = await only(tmp_path)
    assert model.name == "big-horse"
    assert model.paths == tuple(paths)
    assert model.size_bytes == sum(path.stat().st_size for path in paths)
    assert model.capabilities == CHAT
    assert model.error is None
    assert (await scanned(tmp_path)).resolve("Big-Horse-Q4_K_M").paths == tuple(paths)


@pytest.mark.parametrize(("missing", "reason"), [(0, "part 1 of 3"), (1, "part 2 of 3"), (2, "part 3 of 3")])
async def test_a_missing_part_is_an_error(tmp_path: Path, missing: int, reason: str) -> None:
    write_split(tmp_path, "Big-Horse-Q4_K_M", 3)[missing].unlink()
    assert reason in ((await only(tmp_path)).error or "")


async def test_a_cut_off_part_is_an_error(tmp_path: Path) -> None:
    path = write_split(tmp_path, "Big-Horse-Q4_K_M", 3)[1]
    os.truncate(path, path.stat().st_size - 1000)
    assert "incomplete" in ((await only(tmp_path)).error or "")


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.999999])
async def test_a_cut_off_model_is_listed_with_the_reason(
    tmp_path: Path, starter_model: Path, share: float
) -> None:
    path = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    shutil.copyfile(starter_model, path)
    os.truncate(path, int(STARTER_BYTES * share))
    model = await only(tmp_path)
    assert model.name == "smollm2-135m-instruct"
    assert model.error is not None
    assert "not a GGUF file" in model.error if share == 0.0 else "incomplete" in model.error
    assert str(tmp_path) not in model.error


async def test_a_file_that_grows_is_looked_at_again(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "elsewhere" / "Horse-Q4_0.gguf").read_bytes()
    path = tmp_path / "models" / "Horse-Q4_0.gguf"
    path.parent.mkdir()
    path.write_bytes(whole[:1000])
    library = await scanned(path.parent)
    assert library.models()[0].error is not None
    path.write_bytes(whole)
    (model,) = await library.scan()
    assert model.error is None
    path.unlink()
    assert await library.scan() == ()


async def test_foreign_files_are_listed_and_others_passed_over(tmp_path: Path) -> None:
    (tmp_path / "picture.gguf").write_bytes(b"\x89PNG")
    write_gguf(tmp_path / "vocabulary.gguf", tensors=0)
    write_echo(tmp_path, "broken", no_such_type={"a": 1}, tokens_per_s="fast")
    for name in ("readme.md", "model.gguf.part", "model.gguf.incomplete", ".hidden.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    (tmp_path / "folder.gguf").mkdir()
    (tmp_path / "nowhere.gguf").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.gguf")
    errors = {str(model.name): model.error for model in (await scanned(tmp_path)).models()}
    assert errors["picture"] == "not a GGUF file"
    assert "vocabulary only" in (errors["vocabulary"] or "")
    assert "tokens_per_s" in (errors["broken"] or "")
    assert len(errors) == 3


async def test_projectors_adapters_and_matrices_are_no_models(tmp_path: Path) -> None:
    write_gguf(tmp_path / "mmproj-Horse-F16.gguf", architecture="clip")
    write_gguf(tmp_path / "vision.gguf", architecture="clip")
    write_gguf(tmp_path / "lora.gguf", texts={"general.type": "adapter"})
    write_gguf(tmp_path / "matrix.gguf", texts={"general.type": "imatrix"})
    (tmp_path / "mmproj-broken.gguf").write_bytes(b"GGUF")
    assert (await scanned(tmp_path)).models() == ()


async def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write_gguf(tmp_path / "deep" / "Horse-Q4_0.gguf")
    (tmp_path / "deep" / "circle").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert names(await scanned(tmp_path)) == ["horse"]


async def test_the_hugging_face_cache_is_understood(tmp_path: Path) -> None:
    blob = write_gguf(tmp_path / "models--org--Horse-GGUF" / "blobs" / ("ab" * 32))
    for revision in ("1" * 40, "2" * 40):
        snapshot = tmp_path / "models--org--Horse-GGUF" / "snapshots" / revision
        snapshot.mkdir(parents=True)
        (snapshot / "Horse-Q4_0.gguf").symlink_to(Path("..", "..", "blobs", blob.name))
    assert names(await scanned(tmp_path / "mine", tmp_path)) == ["horse"]


@pytest.mark.parametrize(
    ("architecture", "numbers", "template", "expected"),
    [
        ("llama", {}, "{{ messages }}", CHAT),
        ("llama", {}, "", {Capability.COMPLETION}),
        ("qwen3", {"pooling_type": 3}, "{{ messages }}", {Capability.EMBEDDINGS}),
        ("qwen3", {"pooling_type": 4}, "{{ messages }}", {Capability.RERANK}),
        ("qwen3", {"pooling_type": 0}, "{{ messages }}", CHAT),
        ("bert", {}, "", {Capability.EMBEDDINGS}),
        ("bert", {"pooling_type": 4}, "", {Capability.RERANK}),
        ("nomic-bert", {"pooling_type": 1}, "", {Capability.EMBEDDINGS}),
    ],
)
async def test_what_a_model_can_do(
    tmp_path: Path, architecture: str, numbers: dict[str, int], template: str, expected: set[Capability]
) -> None:
    texts = {"tokenizer.chat_template": template} if template else {}
    write_gguf(tmp_path / "model-x.gguf", architecture=architecture, numbers=numbers, texts=texts)
    assert (await only(tmp_path)).capabilities == expected


SIZES = {"block_count": 4, "embedding_length": 64, "attention.head_count": 8}


@pytest.mark.parametrize(
    ("architecture", "numbers", "layers", "expected"),
    [
        ("llama", SIZES, {}, 4 * 8 * 16 * 2),
        ("llama", {**SIZES, "attention.head_count_kv": 2}, {}, 4 * 2 * 16 * 2),
        (
            "llama",
            {**SIZES, "attention.head_count_kv": 2, "attention.key_length": 128},
            {},
            4 * 2 * (128 + 8) * 2,
        ),
        ("jamba", SIZES, {"attention.head_count_kv": [0, 2, 0, 2]}, 4 * 16 * 2),
        ("bert", SIZES, {}, 0),
        ("mamba", {"block_count": 4, "embedding_length": 64}, {}, 0),
    ],
)
async def test_what_a_token_costs_in_the_cache(
    tmp_path: Path, architecture: str, numbers: dict[str, int], layers: dict[str, list[int]], expected: int
) -> None:
    write_gguf(tmp_path / "model-x.gguf", architecture=architecture, numbers=numbers, layer_numbers=layers)
    assert (await only(tmp_path)).kv_bytes_per_token == expected
    assert (await only(tmp_path)).layers == 4


@pytest.mark.parametrize(
    ("file_type", "expected"),
    [
        (None, ""),
        (LlamaFileType.MOSTLY_IQ4_NL, "IQ4_NL"),
        (LlamaFileType.ALL_F32, "F32"),
        (999, ""),
        (1024, ""),
    ],
)
async def test_a_file_name_without_quantisation_leaves_it_to_the_header(
    tmp_path: Path, file_type: int | None, expected: str
) -> None:
    write_gguf(tmp_path / "plain.gguf", file_type=file_type)
    assert (await only(tmp_path)).quantization == expected


async def test_a_marked_folder_names_its_models(tmp_path: Path) -> None:
    folder = tmp_path / "Acme" / "Parrot-GGUF"
    write_gguf(folder / "whatever.Q4_K_M.gguf")
    (folder / MARKER).touch()
    library = await scanned(tmp_path)
    assert names(library) == ["acme/parrot-gguf"]
    assert library.resolve("Acme/Parrot-GGUF:q4_k_m").paths == (folder / "whatever.Q4_K_M.gguf",)
    assert library.resolve("whatever.Q4_K_M").name == "acme/parrot-gguf"


async def test_a_marked_folder_with_several_quantisations(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "parrot"
    write_gguf(folder / "a.Q4_K_M.gguf")
    write_split(folder / "Q8_0", "b-Q8_0", 2)
    (folder / MARKER).touch()
    (folder / "model.safetensors").write_bytes(b"x" * 10)
    library = await scanned(tmp_path)
    assert sorted(names(library)) == ["acme/parrot:Q4_K_M", "acme/parrot:Q8_0", "acme/parrot:safetensors"]
    assert library.resolve("acme/parrot").quantization == "Q4_K_M"


async def test_safetensors_are_listed_as_what_nobody_runs(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "parrot"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").write_bytes(b"x" * 10)
    assert names(await scanned(tmp_path)) == []
    (folder / MARKER).touch()
    model = await only(tmp_path)
    assert (model.name, model.size_bytes, model.error) == ("acme/parrot", 20, NO_ENGINE)


@pytest.mark.parametrize("folder", [".", "a/b/c", "a b"])
async def test_a_mark_in_the_wrong_place_means_nothing(tmp_path: Path, folder: str) -> None:
    write_gguf(tmp_path / folder / "parrot-Q4_0.gguf")
    (tmp_path / folder / MARKER).touch()
    assert names(await scanned(tmp_path)) == ["parrot"]

"""Names, quantisations, choices, the allowlist: plain data in, decision out."""

import pytest

from corral.app.registry.allowlist import Allowlist
from corral.app.registry.errors import BadWish
from corral.app.registry.quantization import BEST_FIRST, LABELS, Policy, Variant, label_of, picked
from corral.app.registry.repository import (
    Reference,
    RepoFile,
    Repository,
    model_name,
    reference_of,
    safe_path,
)
from corral.app.registry.selection import Wish, selected

DEFAULT = ("huggingface.co/*", "cdn-lfs.huggingface.co/*")
HUB = "https://huggingface.co"


def repo(*files: str | tuple[str, int]) -> Repository:
    return Repository(
        id="Acme/Parrot",
        commit="c0ffee",
        files=tuple(
            RepoFile(path=each, size_bytes=100)
            if isinstance(each, str)
            else RepoFile(path=each[0], size_bytes=each[1])
            for each in files
        ),
    )


def test_the_orders_of_the_labels() -> None:
    assert set(LABELS) == set(BEST_FIRST)
    assert BEST_FIRST[:4] == ("F32", "BF16", "F16", "Q8_0") and BEST_FIRST[-3:] == (
        "IQ4_XS",
        "IQ3_M",
        "IQ2_M",
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("parrot-BF16.gguf", "BF16"),
        ("parrot-f16.gguf", "F16"),
        ("parrot.q4_k_m.gguf", "Q4_K_M"),
        ("F16/parrot-Q8_0-00001-of-00002.gguf", "Q8_0"),
        ("parrot-UD-Q4_K_XL.gguf", None),
        ("parrot-IQ4_XS.gguf", "IQ4_XS"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("parrot-F32-Q4_0.gguf", "F32"),
        ("parrot.gguf", None),
    ],
)
def test_labels(name: str, label: str | None) -> None:
    assert label_of(name) == label


MANY = [
    ("p-F16.gguf", 1600),
    ("p-Q8_0.gguf", 800),
    ("p-Q4_K_M.gguf", 450),
    ("p-Q4_0.gguf", 400),
    ("p-Q2_K.gguf", 200),
    ("p-strange.gguf", 150),
]


@pytest.mark.parametrize(
    ("files", "policy", "name"),
    [
        (MANY, "quality", "p-F16.gguf"),
        (MANY, "memory", "p-strange.gguf"),
        (MANY, "speed", "p-Q4_0.gguf"),
        ([("a-F16.gguf", 5), ("b-BF16.gguf", 5)], "quality", "b-BF16.gguf"),
        ([("a-F16.gguf", 5), ("b-F16.gguf", 6)], "quality", "b-F16.gguf"),
        ([("b-F16.gguf", 5), ("a-F16.gguf", 5)], "quality", "a-F16.gguf"),
        ([("a-Q2_K.gguf", 2), ("b-IQ2_M.gguf", 1)], "speed", "b-IQ2_M.gguf"),
        ([("a-MXFP4.gguf", 2), ("b-Q3_K_S.gguf", 1)], "speed", "a-MXFP4.gguf"),
        ([("a.gguf", 9), ("b-IQ2_M.gguf", 1)], "quality", "b-IQ2_M.gguf"),
    ],
)
def test_policies(files: list[tuple[str, int]], policy: str, name: str) -> None:
    variants = [Variant(name=name, size_bytes=size) for name, size in files]
    assert picked(variants, Policy(policy)).name == name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Acme/Parrot", Reference(repo="Acme/Parrot")),
        (" gpt2 ", Reference(repo="gpt2")),
        ("Acme/Parrot:q8_0", Reference(repo="Acme/Parrot", quantization="q8_0")),
        ("https://huggingface.co/Acme/Parrot", Reference(repo="Acme/Parrot")),
        ("https://huggingface.co/Acme/Parrot/", Reference(repo="Acme/Parrot")),
        ("hf.co/Acme/Parrot", Reference(repo="Acme/Parrot")),
        ("hf.co/Acme/Parrot:Q4_0", Reference(repo="Acme/Parrot", quantization="Q4_0")),
        (
            "huggingface.co/Acme/Parrot/blob/main/x.gguf",
            Reference(repo="Acme/Parrot", filename="x.gguf"),
        ),
        ("https://huggingface.co/Acme/Parrot/tree/v2", Reference(repo="Acme/Parrot", revision="v2")),
        (
            "https://huggingface.co/Acme/Parrot/resolve/main/x.gguf?download=true",
            Reference(repo="Acme/Parrot", filename="x.gguf"),
        ),
        (
            "https://huggingface.co/Acme/Parrot/blob/v2/Q8/a%20b.gguf",
            Reference(repo="Acme/Parrot", revision="v2", filename="Q8/a b.gguf"),
        ),
    ],
)
def test_references(text: str, meant: Reference) -> None:
    assert reference_of(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "a/b/c", "../etc", "a/..", "Acme/Par rot", "Acme/Parrot:", "a/b:c:d", "-a/b"),
        *("ftp://huggingface.co/a/b", "https://evil.invalid/a/b", "https://huggingface.co@evil.invalid/a/b"),
        *("https://huggingface.co/", "https://huggingface.co/a/b/resolve/main", "https://[::1/a/b"),
    ],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(BadWish) as wrong:
        reference_of(text)
    assert (wrong.value.code, wrong.value.param) == ("invalid_value", "repo")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Acme/Parrot-GGUF", "acme/parrot-gguf"),
        ("acme/parrot:Q4_K_M", "acme/parrot:q4_k_m"),
        ("a_b.c", "a_b.c"),
    ],
)
def test_names_are_folded(text: str, name: str) -> None:
    assert model_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "..", "a/../b", "a//b", "/a", "a/", "a b", "ä", "a:b:c", "a:", "a..b", "x" * 600]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(BadWish):
        model_name(text)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a.gguf", True),
        ("Q8/a-00001-of-00002.gguf", True),
        *(
            (path, False)
            for path in ("", "/a", "a/../b", "../a", ".a", "a/.b", "a\\b", "a:b", "a//b", "a\n", "./a")
        ),
        ("x" * 300, False),
    ],
)
def test_paths(path: str, safe: bool) -> None:
    assert safe_path(path) is safe


SAFE = ("model.safetensors", "config.json", "tokenizer.json", "README.md")
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
SPLIT = (("Q8/p-Q8_0-00001-of-00002.gguf", 60), ("Q8/p-Q8_0-00002-of-00002.gguf", 70))


@pytest.mark.parametrize(
    ("files", "wish", "quantization", "chosen"),
    [
        (["p-Q4_0.gguf", "README.md"], Wish(), "Q4_0", ["p-Q4_0.gguf"]),
        (["p.gguf"], Wish(), "", ["p.gguf"]),
        (["p-Q4_0.gguf", "mmproj-p-F16.gguf", "p.imatrix.gguf"], Wish(), "Q4_0", ["p-Q4_0.gguf"]),
        ([*SPLIT], Wish(), "Q8_0", [path for path, _ in SPLIT]),
        ([*SPLIT, ("p-F16.gguf", 120)], Wish(policy=Policy.MEMORY), "F16", ["p-F16.gguf"]),
        ([*SPLIT, ("p-F16.gguf", 140)], Wish(policy=Policy.MEMORY), "Q8_0", [path for path, _ in SPLIT]),
        ([*SPLIT, "p-Q4_0.gguf"], Wish(filename=SPLIT[1][0]), "Q8_0", [path for path, _ in SPLIT]),
        (
            ["p-Q4_0.gguf", "p-UD-Q4_K_XL.gguf"],
            Wish(quantization="ud-q4_k_xl"),
            "UD-Q4_K_XL",
            ["p-UD-Q4_K_XL.gguf"],
        ),
        (["Q8_0-p.gguf", "p-Q4_0.gguf"], Wish(quantization="q8_0"), "Q8_0", ["Q8_0-p.gguf"]),
        ([*SAFE], Wish(), "safetensors", ["model.safetensors", "config.json", "tokenizer.json"]),
        ([*SAFE, "p-Q4_0.gguf"], Wish(format="gguf"), "Q4_0", ["p-Q4_0.gguf"]),
        ([*SAFE, "p-Q4_0.gguf"], Wish(filename="p-Q4_0.gguf"), "Q4_0", ["p-Q4_0.gguf"]),
        ([*SAFE, "p-Q4_0.gguf"], Wish(policy=Policy.SPEED), "Q4_0", ["p-Q4_0.gguf"]),
        (
            [*SAFE[1:], *SHARDS, "model.safetensors.index.json"],
            Wish(),
            "safetensors",
            [*SHARDS, "model.safetensors.index.json", "config.json", "tokenizer.json"],
        ),
    ],
)
def test_selections(
    files: list[str | tuple[str, int]], wish: Wish, quantization: str, chosen: list[str]
) -> None:
    selection = selected(repo(*files), wish)
    assert selection.quantization == quantization
    assert [each.path for each in selection.files] == chosen


@pytest.mark.parametrize(
    ("files", "wish", "code", "says"),
    [
        (["README.md"], Wish(), "no_model_files", "neither GGUF nor safetensors"),
        ([*SAFE, "p.gguf"], Wish(), "format_required", "say which with `format`"),
        (["a-Q4_0.gguf", "b-Q8_0.gguf"], Wish(), "choice_required", "a-Q4_0.gguf, b-Q8_0.gguf"),
        (["a-Q4_0.gguf"], Wish(policy=Policy.SPEED, quantization="Q4_0"), "conflicting_fields", "either"),
        (["a-Q4_0.gguf"], Wish(policy=Policy.SPEED, filename="a-Q4_0.gguf"), "conflicting_fields", "either"),
        (["a-Q4_0.gguf"], Wish(filename="b.gguf"), "file_not_found", "has no file 'b.gguf'"),
        (
            ["a-Q4_0.gguf", "README.md"],
            Wish(filename="README.md"),
            "wrong_file_kind",
            "not a GGUF or safetensors",
        ),
        (
            [*SAFE, "a.gguf"],
            Wish(filename="a.gguf", format="safetensors"),
            "wrong_file_kind",
            "not a safetensors",
        ),
        (["a.gguf", "mmproj-a.gguf"], Wish(filename="mmproj-a.gguf"), "wrong_file_kind", "goes with one"),
        (["mmproj-a.gguf"], Wish(), "no_model_files", "no models"),
        (["a.gguf"], Wish(format="safetensors"), "file_not_found", "no safetensors files"),
        ([*SAFE], Wish(format="gguf"), "file_not_found", "no gguf files"),
        (["a-Q4_0.gguf"], Wish(quantization="Q8_0"), "file_not_found", "it has Q4_0"),
        (["a-Q4_0.gguf", "b-Q4_0.gguf"], Wish(quantization="Q4_0"), "choice_required", "several files"),
        ([SPLIT[0]], Wish(), "file_not_found", "1 of the 2 parts"),
        ([SAFE[0]], Wish(), "incomplete_repository", "no config.json and no tokenizer.json"),
        ([*SAFE[:2]], Wish(), "incomplete_repository", "no tokenizer.json"),
        ([*SAFE[1:], *SHARDS], Wish(), "incomplete_repository", ".safetensors.index.json"),
        ([*SAFE], Wish(quantization="Q4_0"), "conflicting_fields", "for GGUF files"),
        ([*SAFE], Wish(policy=Policy.SPEED, format="safetensors"), "conflicting_fields", "for GGUF files"),
        (["a:b.gguf"], Wish(), "invalid_value", "on every system"),
    ],
)
def test_wishes_that_can_not_be_fulfilled(files: list[str], wish: Wish, code: str, says: str) -> None:
    with pytest.raises(BadWish, match=says.replace(".", r"\.")) as wrong:
        selected(repo(*files), wish)
    assert wrong.value.code == code


@pytest.mark.parametrize(
    ("url", "redirected", "allowed"),
    [
        ("https://huggingface.co/a/b/resolve/main/x", False, True),
        ("https://HUGGINGFACE.co/a", False, True),
        ("https://huggingface.co:443/a", False, True),
        ("https://cdn-lfs.huggingface.co/a", False, True),
        ("https://cas-bridge.xethub.hf.co/a", True, True),
        ("https://cas-bridge.xethub.hf.co/a", False, False),
        ("https://cdn-lfs-us-1.hf.co/a", True, True),
        ("http://huggingface.co/a", False, False),
        ("https://huggingface.co:8443/a", False, False),
        ("https://user@huggingface.co/a", False, False),
        ("https://evil.invalid/huggingface.co/a", True, False),
        ("https://evil.invalid/x.hf.co/", True, False),
        ("https://huggingface.co.evil.invalid/a", True, False),
        ("file:///etc/passwd", True, False),
        ("https://[::1/a", True, False),
    ],
)
def test_the_allowlist(url: str, redirected: bool, allowed: bool) -> None:
    assert Allowlist(DEFAULT, hub=HUB).allows(url, redirected=redirected) is allowed


def test_an_allowlist_of_ones_own() -> None:
    mine = Allowlist(("models.lan/good/*", "https://Other.lan"), hub="http://10.0.0.1:8080")
    assert mine.allows("http://10.0.0.1:8080/api/x")
    assert mine.allows("https://models.lan/good/x") and not mine.allows("https://models.lan/bad/x")
    assert mine.allows("https://other.lan/x") and not mine.allows("http://10.0.0.1:8081/x")
    assert not mine.allows("https://cas-bridge.xethub.hf.co/a", redirected=True)

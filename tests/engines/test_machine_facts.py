"""What the doctor asks of the machine: processor, cards, listeners, how llama.cpp was built."""

import os
import socket
import sys
from pathlib import Path

import pytest

from corral.engines.cards import card_vendors
from corral.engines.listeners import listener_on
from corral.engines.llama.build import BuildUnknown, features_in, read_build
from corral.engines.processor import features_of, processor_features


@pytest.mark.parametrize(
    ("words", "features"),
    [
        ([], set()),
        (["fpu", "avx", "avx2", "avx512f", "fma", "f16c"], {"AVX", "AVX2", "AVX512", "FMA", "F16C"}),
        (["AVX1.0", "AVX2"], {"AVX", "AVX2"}),
        (["fp", "asimd", "asimddp", "i8mm"], {"NEON", "DOTPROD", "MATMUL_INT8"}),
        (["neon", "FEAT_DotProd"], {"NEON", "DOTPROD"}),
    ],
)
def test_features_of_processors(words: list[str], features: set[str]) -> None:
    assert features_of(words) == features


@pytest.mark.parametrize(
    ("info", "features"),
    [
        ("CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 0 | LLAMAFILE = 1 | ", {"SSE3", "AVX2", "LLAMAFILE"}),
        ("Metal : EMBED_LIBRARY = 1 | CPU : NEON = 1 | ", {"EMBED_LIBRARY", "NEON"}),
        ("", set()),
    ],
)
def test_features_of_builds(info: str, features: set[str]) -> None:
    assert features_in(info) == features


def test_the_installed_build_uses_what_this_processor_has() -> None:
    build = read_build()
    assert build.version[0].isdigit()
    assert processor_features() & build.features


@pytest.mark.parametrize(
    ("code", "says", "wrong_processor"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "crashed", True),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed", False),
        ("raise ImportError('no libgomp')", "no libgomp", False),
        ("import sys; sys.exit(3)", "code 3", False),
        ("print('{}')", "code 0", False),
    ],
)
def test_a_build_that_does_not_start(code: str, says: str, wrong_processor: bool) -> None:
    with pytest.raises(BuildUnknown, match=says) as caught:
        read_build((sys.executable, "-c", code))
    assert caught.value.wrong_processor is wrong_processor


def test_no_program_to_ask() -> None:
    with pytest.raises(BuildUnknown, match="can't be started"):
        read_build(("/nowhere/python",))


def test_cards_on_the_bus(tmp_path: Path) -> None:
    for name, kind, vendor in (
        ("00:01", "0x030000", "0x10de"),
        ("00:02", "0x030200", "0x1002"),
        ("00:03", "0x020000", "0x8086"),  # a network card
        ("00:04", "0x030000", "0x1234"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "class").write_text(f"{kind}\n")
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
    (tmp_path / "00:05").mkdir()
    assert card_vendors(tmp_path) == {"NVIDIA", "AMD"}
    assert card_vendors(tmp_path / "nowhere") == frozenset()


def test_who_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = listener_on(port)
    assert found is not None and found.pid == os.getpid()
    assert listener_on(port) is None

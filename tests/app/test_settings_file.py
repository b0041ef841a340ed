"""Editing config.toml in place."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.app.settings_file import (
    SettingsFileError,
    TomlValue,
    read_text,
    toml,
    with_setting,
    without_setting,
    write_text,
)

FULL = """# Mine
port = 8080   # for the proxy

model_folders = [
  "/a",  # one
  "/b",
] # both
name = "a # b" # c

# Small ones
[models."tiny"]
port = 3
"""


@pytest.mark.parametrize(
    ("text", "name", "value", "after"),
    [
        ("", "port", 1, "port = 1\n"),
        ("# only a comment\n", "port", 1, "# only a comment\nport = 1\n"),
        ("host = 'a'", "port", 1, "host = 'a'\nport = 1\n"),
        ("port = 8080\n", "port", 1, "port = 1\n"),
        ("port = 8080", "port", 1, "port = 1"),
        ("port=8080 # why\nhost = 'a'\n", "port", 1, "port = 1 # why\nhost = 'a'\n"),
        ("'port' = 8080\r\nhost = 'a'\r\n", "port", 1, "port = 1\r\nhost = 'a'\r\n"),
        ("a = '''\nport = 2\n'''\n", "port", 1, "a = '''\nport = 2\n'''\nport = 1\n"),
        ("a = '''\nport = 2\n'''\nport = 3\n", "port", 1, "a = '''\nport = 2\n'''\nport = 1\n"),
        ("[models.default]\nthreads = 1\n", "port", 1, "port = 1\n\n[models.default]\nthreads = 1\n"),
        ("# A\n\n# B\n[m]\n", "port", 1, "# A\n\nport = 1\n\n# B\n[m]\n"),
        ("metrics = true\n", "metrics", False, "metrics = false\n"),
        ("", "cors_origins", ["a", 'b"c'], 'cors_origins = ["a", "b\\"c"]\n'),
        (FULL, "port", 1, FULL.replace("8080", "1")),
        (FULL, "name", "x", FULL.replace('"a # b"', '"x"')),
        (
            FULL,
            "model_folders",
            ["/c"],
            FULL.replace(FULL[FULL.index("[\n") : FULL.index(" # both")], '["/c"]'),
        ),
        (FULL, "keep", 2.5, FULL.replace(" # c\n", " # c\nkeep = 2.5\n")),
    ],
)
def test_setting(text: str, name: str, value: TomlValue, after: str) -> None:
    assert with_setting(text, name, value) == after


@pytest.mark.parametrize(
    ("text", "name", "after"),
    [
        ("", "port", ""),
        ("port = 1\n", "port", ""),
        ("host = 'a'\nport = 1 # c\n[m]\nport = 2\n", "port", "host = 'a'\n[m]\nport = 2\n"),
        (FULL, "model_folders", FULL.replace(FULL[FULL.index("model_f") : FULL.index("name")], "")),
        (FULL, "absent", FULL),
    ],
)
def test_unsetting(text: str, name: str, after: str) -> None:
    assert without_setting(text, name) == after


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2\n", "= 3"])
def test_a_broken_file_is_left_alone(text: str) -> None:
    with pytest.raises(SettingsFileError, match="by hand"):
        with_setting(text, "host", "a")


@pytest.mark.parametrize("text", ["[port]\na = 1\n", "port.a = 1\nport.b = 2\n"])
def test_what_can_not_be_edited_is_refused(text: str) -> None:
    with pytest.raises(SettingsFileError, match="by hand"):
        with_setting(text, "port", 1)
    with pytest.raises(SettingsFileError, match="by hand"):
        without_setting(text, "port")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.one_of(TEXTS, st.integers(-(2**40), 2**40), st.booleans(), st.lists(TEXTS)),
    st.sampled_from(["port", "new"]),
)
def test_every_value_reads_as_it_was_written(value: TomlValue, name: str) -> None:
    assert tomllib.loads(f"a = {toml(value)}") == {"a": value}
    after = with_setting(FULL, name, value)
    assert tomllib.loads(after) == {**tomllib.loads(FULL), name: value}
    assert "# Mine" in after and "# one" in after and "# Small ones" in after


def test_writing_is_private_and_keeps_modes_and_links(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_text(path, "ü = 1\n")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert read_text(path) == "ü = 1\n"
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    write_text(link, "a = 2\n")
    assert link.is_symlink() and path.read_text() == "a = 2\n"
    assert path.stat().st_mode & 0o777 == 0o640
    write_text(path, "a = 3\n", private=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["config.toml"]


def test_what_can_not_be_read_or_written_is_named(tmp_path: Path) -> None:
    assert read_text(tmp_path / "absent") == ""
    (tmp_path / "latin").write_bytes(b"a = '\xff'")
    with pytest.raises(SettingsFileError, match="UTF-8"):
        read_text(tmp_path / "latin")
    with pytest.raises(SettingsFileError, match="can't be read"):
        read_text(tmp_path)
    with pytest.raises(SettingsFileError, match="can't be written"):
        write_text(tmp_path / "latin" / "config.toml", "")

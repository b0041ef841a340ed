"""Editing `config.toml` in place: one setting at a time; comments, order and everything else stay as they are.

The text functions are pure. They check their own work: what they return reads as the old settings with the one change.
"""

import contextlib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TomlValue = str | int | float | bool | list[str]

_PRIVATE = 0o600  # it may hold passwords
_HOW = "edit the file by hand"


class SettingsFileError(Exception):
    """The file can't be edited; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """One assignment above the first table: its lines and what it reads as."""

    start: int
    end: int  # line after its last one
    value: dict[str, object]


def with_setting(text: str, name: str, value: TomlValue) -> str:
    """The text with `name` set to `value`. Raises SettingsFileError."""
    before = _parsed(text)
    lines = text.splitlines(keepends=True)
    old = _statement_of(lines, name)
    new = f"{name} = {toml(value)}"
    if old is None:
        at = _place_for_new(lines)
        if at and not lines[at - 1].endswith("\n"):
            lines[at - 1] += "\n"
        gap = "\n" if at < len(lines) and lines[at].strip() else ""
        lines[at:at] = [f"{new}\n{gap}"]
    else:
        lines[old.start : old.end] = [new + _comment(lines[old.start : old.end], old)]
    return _checked("".join(lines), {**before, name: value})


def without_setting(text: str, name: str) -> str:
    """The text without `name`, so that its default counts. Raises SettingsFileError."""
    expected = _parsed(text)
    lines = text.splitlines(keepends=True)
    old = _statement_of(lines, name)
    if old is None and name not in expected:
        return text
    if old is not None:
        del lines[old.start : old.end]
    expected.pop(name)
    return _checked("".join(lines), expected)


def toml(value: TomlValue) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def read_text(path: Path) -> str:
    """The file's text; empty if there is none. Raises SettingsFileError."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"{path} is not a text in UTF-8; {_HOW}") from error
    except OSError as error:
        raise SettingsFileError(f"{path} can't be read: {error.strerror}") from error


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Put the text in the file's place, whole or not at all; a link stays a link. Raises SettingsFileError.

    It keeps its mode, unless it is to be private.
    """
    target = Path(os.path.realpath(path))
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() and not private else _PRIVATE
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise SettingsFileError(f"{path} can't be written: {error.strerror}") from error


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsFileError(f"config.toml is not a TOML file ({error}); {_HOW}") from error


def _checked(text: str, expected: dict[str, object]) -> str:
    try:
        right = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise SettingsFileError(f"config.toml is written in a way that this command can't change; {_HOW}")
    return text


def _statements(lines: list[str]) -> Iterator[_Statement]:
    """The assignments above the first table. A value may span lines: it ends where the lines so far are TOML."""
    start = 0
    while start < len(lines):
        beginning = lines[start].lstrip()
        if beginning.startswith("["):
            return
        if not beginning.strip() or beginning.startswith("#"):
            start += 1
            continue
        for end in range(start + 1, len(lines) + 1):
            try:
                value = tomllib.loads("".join(lines[start:end]))
            except tomllib.TOMLDecodeError:
                continue
            yield _Statement(start, end, value)
            start = end
            break
        else:
            return


def _statement_of(lines: list[str], name: str) -> _Statement | None:
    return next((each for each in _statements(lines) if list(each.value) == [name]), None)


def _place_for_new(lines: list[str]) -> int:
    """After the last assignment, else before the first table and the comments that belong to it."""
    last = max((each.end for each in _statements(lines)), default=0)
    if last:
        return last
    table = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    if table == len(lines):
        return table
    while table and lines[table - 1].lstrip().startswith("#"):
        table -= 1
    return table


def _comment(lines: list[str], statement: _Statement) -> str:
    """What follows the value on its last line: spaces, a comment, the end of the line."""
    last = lines[-1]
    body = "".join(lines[:-1])
    for at, letter in enumerate(last):
        if letter == "#" and _reads_as(body + last[:at], statement.value):
            value = last[:at].rstrip()
            return last[len(value) :]
    return last[len(last.rstrip("\r\n")) :]


def _reads_as(text: str, value: dict[str, object]) -> bool:
    try:
        return tomllib.loads(text) == value
    except tomllib.TOMLDecodeError:
        return False

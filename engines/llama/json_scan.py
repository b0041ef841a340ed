"""Follows JSON while it is being written: where a value ends, and whether it is still well-formed."""

import json
import re

_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_SPACE = re.compile(r"[ \t\r\n]+")
_SCALAR = re.compile(r"[-+.0-9A-Za-z]+")
_WHOLE_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ESCAPES = frozenset('"\\/bfnrt')
_HEX = frozenset("0123456789abcdefABCDEF")
_DEEPEST = 500


class JsonScanner:
    """One JSON value, read in pieces of any size. Control characters inside strings are repaired."""

    def __init__(self) -> None:
        self.done = False
        self.broken = False
        self._closers: list[str] = []
        self._expected = "value"  # value, first value, key, first key, colon, comma
        self._in_string = False
        self._escaped = 0  # -1: right after a backslash; else so many hex digits are missing
        self._scalar = ""

    def scan(self, text: str, at: int = 0) -> tuple[int, str]:
        """Read on from `at`. Returns where reading stopped (end of text, of the value, or at the fault) and what was read."""
        out: list[str] = []
        while at < len(text) and not (self.done or self.broken):
            if self._in_string:
                at = self._read_string(text, at, out)
            elif self._expected in ("value", "first value") or self._scalar:
                at = self._read_value(text, at, out)
            else:
                at = self._read_mark(text, at, out)
        return at, "".join(out)

    def _read_string(self, text: str, at: int, out: list[str]) -> int:
        char = text[at]
        if self._escaped:
            return self._read_escape(char, at, out)
        if plain := _PLAIN.match(text, at):
            out.append(plain[0])
            return plain.end()
        if char == '"':
            self._in_string = False
            self._value_ended(key=self._expected in ("key", "first key"))
        elif char == "\\":
            self._escaped = -1
        else:
            char = json.dumps(char)[1:-1]
        out.append(char)
        return at + 1

    def _read_escape(self, char: str, at: int, out: list[str]) -> int:
        if self._escaped < 0 and (char in _ESCAPES or char == "u"):
            self._escaped = 4 if char == "u" else 0
        elif self._escaped > 0 and char in _HEX:
            self._escaped -= 1
        else:
            self.broken = True
            return at
        out.append(char)
        return at + 1

    def _read_value(self, text: str, at: int, out: list[str]) -> int:
        if scalar := _SCALAR.match(text, at):
            self._scalar += scalar[0]
            out.append(scalar[0])
            return scalar.end()
        if self._scalar:
            whole, self._scalar = self._scalar, ""
            self.broken = _WHOLE_SCALAR.fullmatch(whole) is None
            if not self.broken:
                self._value_ended(key=False)
            return at
        if space := _SPACE.match(text, at):
            out.append(space[0])
            return space.end()
        return self._open(text[at], at, out)

    def _open(self, char: str, at: int, out: list[str]) -> int:
        if char == '"':
            self._in_string = True
        elif char in "{[" and len(self._closers) < _DEEPEST:
            self._closers.append("}" if char == "{" else "]")
            self._expected = "first key" if char == "{" else "first value"
        elif char == "]" and self._expected == "first value":
            self._close()
        else:
            self.broken = True
            return at
        out.append(char)
        return at + 1

    def _read_mark(self, text: str, at: int, out: list[str]) -> int:
        if space := _SPACE.match(text, at):
            out.append(space[0])
            return space.end()
        char = text[at]
        if char == '"' and self._expected in ("key", "first key"):
            self._in_string = True
        elif char == ":" and self._expected == "colon":
            self._expected = "value"
        elif char == "," and self._expected == "comma":
            self._expected = "key" if self._closers[-1] == "}" else "value"
        elif char == self._closers[-1] and self._expected in ("comma", "first key"):
            self._close()
        else:
            self.broken = True
            return at
        out.append(char)
        return at + 1

    def _close(self) -> None:
        self._closers.pop()
        self._value_ended(key=False)

    def _value_ended(self, *, key: bool) -> None:
        if key:
            self._expected = "colon"
        elif self._closers:
            self._expected = "comma"
        else:
            self.done = True

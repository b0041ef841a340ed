"""A body of multipart/form-data (RFC 7578): where its parts are. Nothing is copied, so that files may be long. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.http import parse_options_header

from corral.engines.errors import InvalidRequest

MEDIA_TYPE = "multipart/form-data"
MOST_PARTS = 128
_MOST_HEAD_BYTES = 16 * 1024
_MOST_TEXT_BYTES = 1024 * 1024  # of all fields that are no files
_MOST_BOUNDARY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field; `start` and `end` are the places of its content in the body."""

    name: str
    filename: str | None
    content_type: str
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """All parts of a body, in their order."""

    body: bytes
    parts: tuple[Part, ...]

    def fields(self) -> dict[str, Any]:
        """As JSON: texts, of files what is known of them; lists where a name comes twice or ends with `[]`."""
        found: dict[str, Any] = {}
        for part in self.parts:
            name = part.name.removesuffix("[]")
            value = self._value(part)
            if name in found or part.name.endswith("[]"):
                before = found.get(name, [])
                found[name] = [*(before if isinstance(before, list) else [before]), value]
            else:
                found[name] = value
        return found

    def redacted(self) -> dict[str, Any]:
        """The same for the history: of a file only its kind and length stay."""
        return {name: _without_file(value) for name, value in self.fields().items()}

    def with_text(self, name: str, text: str) -> bytes:
        """The body with another value for a field."""
        pieces, at = [], 0
        for part in self.parts:
            if part.name == name and part.filename is None:
                pieces += [self.body[at : part.start], text.encode()]
                at = part.end
        return b"".join([*pieces, self.body[at:]])

    def _value(self, part: Part) -> Any:
        if part.filename is None:
            return self.body[part.start : part.end].decode("utf-8", "replace")
        return {
            "filename": part.filename,
            "content_type": part.content_type,
            "size_bytes": part.size_bytes,
        }


def is_form(content_type: str) -> bool:
    """Whether a Content-Type header says so."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def parse_form(content_type: str, body: bytes) -> Form:
    """Raises InvalidRequest."""
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not 0 < len(boundary) <= _MOST_BOUNDARY or not boundary.isascii():
        raise InvalidRequest("the Content-Type names no usable `boundary`; let the client library make it")
    parts = tuple(_parts(body, b"--" + boundary.encode()))
    if sum(part.size_bytes for part in parts if part.filename is None) > _MOST_TEXT_BYTES:
        raise InvalidRequest("the form's fields are too long; send files with a `filename`")
    return Form(body=body, parts=parts)


def _parts(body: bytes, delimiter: bytes) -> Iterator[Part]:
    at = _first(body, delimiter)
    count = 0
    while not body.startswith(b"--", at):
        count += 1
        if count > MOST_PARTS:
            raise InvalidRequest(f"the form has more than {MOST_PARTS} parts")
        line_end = body.find(b"\r\n", at)  # blanks may stand behind a delimiter
        head_start = line_end + 2
        head_end = body.find(b"\r\n\r\n", line_end, head_start + _MOST_HEAD_BYTES)
        end = body.find(b"\r\n" + delimiter, max(head_end, line_end))
        if line_end < 0 or head_end < 0 or end < 0 or body[at:line_end].strip():
            raise InvalidRequest("the form's body is cut off or malformed")
        yield _part(body[head_start:head_end], head_end + 4, max(end, head_end + 4))
        at = end + 2 + len(delimiter)


def _first(body: bytes, delimiter: bytes) -> int:
    """Where the first delimiter ends; something may stand before it."""
    if body.startswith(delimiter):
        return len(delimiter)
    at = body.find(b"\r\n" + delimiter)
    if at < 0:
        raise InvalidRequest("the form's body doesn't hold the boundary that its Content-Type names")
    return at + 2 + len(delimiter)


def _part(head: bytes, start: int, end: int) -> Part:
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    options = parse_options_header(headers.get("content-disposition", ""))[1]
    if not options.get("name"):
        raise InvalidRequest("a part of the form has no `name`")
    return Part(
        name=options["name"],
        filename=options.get("filename"),
        content_type=headers.get("content-type", "application/octet-stream"),
        start=start,
        end=end,
    )


def _without_file(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_file(each) for each in value]
    if not isinstance(value, dict):
        return value
    return f"[redacted {value['content_type']} len={value['size_bytes']}]"

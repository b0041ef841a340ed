"""Requests in the form that nearly all requests to models have, read from bytes. Any other form is somebody else's work.

The form: a POST of a bare path over HTTP/1.1, with a Host, no header twice, perhaps a Content-Length, and nothing that changes
what the connection is or how its bytes are to be read (RFC 9112). Whatever is odd or doubtful hasn't got it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(
    rb"POST (/[A-Za-z0-9._~/-]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
_OTHERWISE: Final = frozenset({"expect", "http2-settings", "te", "trailer", "transfer-encoding", "upgrade"})
_MOST_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class PlainHead:
    """What comes before the body. `size_bytes` is its own, `body_bytes` what it says of the body."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    size_bytes: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A whole request. `address` is the client's, `server_address` the one it connected to; IP addresses."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    address: str
    server_address: str


def plain_head(data: bytes | bytearray) -> PlainHead | None:
    """The head that `data` begins with; None if it isn't all there or has another form."""
    found = _HEAD.match(data)
    if found is None:
        return None
    path, lines = found.groups()
    fields = lines.decode("latin-1").split("\r\n")
    fields.pop()  # after the last line's end
    headers: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip(" \t")
    if len(headers) != len(fields) or not _OTHERWISE.isdisjoint(headers) or "host" not in headers:
        return None
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > _MOST_DIGITS:
        return None
    return PlainHead(path.decode("ascii"), headers, found.end(), int(length))

"""The bytes that an answer begins with (RFC 9112)."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from corral.app.http1.header_lines import header_lines


def answer_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers, with the date. Raises ValueError where a header would end its line."""
    lines = header_lines(headers)
    return f"HTTP/1.1 {_status(status)}\r\n{lines}date: {_date(int(time.time()))}\r\n\r\n".encode("latin-1")


@lru_cache(maxsize=64)
def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} "  # one that isn't in the register; the reason is optional, the space isn't


@lru_cache(maxsize=1)
def _date(now_s: int) -> str:
    return formatdate(now_s, usegmt=True)

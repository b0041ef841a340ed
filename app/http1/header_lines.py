"""Header fields as lines (RFC 9112, 5)."""

from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> str:
    """One after the other. Raises ValueError where one would end its line."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\r") != len(headers) or lines.count("\n") != len(headers) or "\0" in lines:
        raise ValueError("a header has a line break in it")
    return lines

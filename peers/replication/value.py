"""The kinds of values in replicated columns, and how they are read."""

from typing import Final

from corral.peers.replication.schema import Kind

_INTEGER_BITS = 63  # what SQLite keeps

_TYPES: Final[dict[Kind, type | tuple[type, ...]]] = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "hex": str,
}


def is_of_kind(value: object, kind: Kind) -> bool:
    """Whether a value, as JSON tells it, may stand in a column of this kind."""
    if kind == "json":
        return True
    if kind != "boolean" and isinstance(value, bool):
        return False
    if not isinstance(value, _TYPES[kind]):
        return False
    if isinstance(value, int):
        return bool(-(2**_INTEGER_BITS) <= value < 2**_INTEGER_BITS)
    return kind != "hex" or _is_hex(value)


def _is_hex(value: object) -> bool:
    try:
        return isinstance(value, str) and bytes.fromhex(value).hex() == value
    except ValueError:
        return False

"""Digests of tables: equal exactly where the cells are, and kept up to date cell by cell."""

from collections.abc import Mapping
from hashlib import blake2b

from corral.peers.replication.cell import Cell

_MODULUS = 2**128


def cell_digest(cell: Cell) -> int:
    """128 bits that stand for this version of this cell. Names, ids, stamps and JSON contain no NUL."""
    text = f"{cell.table}\0{cell.id}\0{cell.column}\0{cell.stamp}\0{cell.value}"
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())


def replaced(digest: int, *, old: Cell | None, new: Cell) -> int:
    """A table's digest after `new` took the place of `old`. The sum doesn't depend on the order of the cells."""
    return (digest - (0 if old is None else cell_digest(old)) + cell_digest(new)) % _MODULUS


def without(digest: int, old: Cell) -> int:
    """A table's digest after `old` was forgotten."""
    return (digest - cell_digest(old)) % _MODULUS


def of_all(tables: Mapping[str, int]) -> str:
    """The digest of everything, from those of its tables."""
    return as_text(sum(tables.values()) % _MODULUS)


def as_text(digest: int) -> str:
    """32 hexadecimal digits."""
    return f"{digest:032x}"

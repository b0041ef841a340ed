"""Inserting many rows that get numbers of the history's log, with few statements."""

from functools import lru_cache

from corral.app.store.database import Statement, Value
from corral.app.store.history_log import LAST

# Rows of one statement. The sqlite3 module takes the interpreter lock back after each, and a busy event loop would have to give it
# up each time; the program and the values of a statement with many more rows don't fit into the processor's caches.
_AT_A_TIME = (256, 32, 4, 1)
MOST_ROWS = _AT_A_TIME[0]


def insert_statements(
    table: str, columns: str, values: list[Value], *, before: int = 0, verb: str = "INSERT"
) -> list[Statement]:
    """Rows with the next `number`s, but for as many as `before` says, which others in the transaction get.

    `columns`: all but `number`. `values`: of one row after another, without copies or tuples that would have to be looked at once more
    when they are no longer in the processor's caches; the list is given away.
    """
    width = columns.count(",") + 1
    rows = len(values) // width
    statements, start = [], 0
    for size in _AT_A_TIME:
        some = []
        while rows - start >= size:
            part = values if rows == size else values[start * width : (start + size) * width]
            part.append(before + start)
            some.append(part)
            start += size
        if some:
            statements.append(Statement(_insert(verb, table, columns, size), some))
    return statements


@lru_cache(maxsize=32)
def _insert(verb: str, table: str, columns: str, rows: int) -> str:
    """The base of the numbers is looked up once for all rows: looked up for each it takes longer than all the rest. Joined with the
    rows instead of being a value, it would let SQLite write them all into a table of its own first.
    """
    width = columns.count(",") + 1
    chosen = ", ".join(f"column{place}" for place in range(2, width + 2))
    marks = ", ?" * width
    given = ", ".join(f"({row}{marks})" for row in range(1, rows + 1))
    return (
        f"WITH given AS (VALUES {given}) {verb} INTO {table} (number, {columns})"
        f" SELECT (SELECT {LAST} + ?) + column1, {chosen} FROM given"
    )

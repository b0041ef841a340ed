"""However many rows: each gets the next number, after those that others in the transaction get."""

from pathlib import Path

import pytest

from corral.app.store.database import Database, Statement, open_database
from corral.app.store.history_log import begin_log, take
from corral.app.store.numbered_rows import MOST_ROWS, insert_statements
from corral.peers.ids import ClusterId

COLUMNS = "id, created_at, document, input_items, expires_at"


def values(start: int, rows: int) -> list[str | bytes | int | float | None]:
    return [each for row in range(start, start + rows) for each in (f"r{row}", row, b"d", b"", 0.5)]


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 31, 32, 300, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS + 41])
async def test_numbers(tmp_path: Path, rows: int) -> None:
    database = await open_database(tmp_path / "corral.db")
    await begin_log(database, ClusterId("c"))
    await database.write([take(7)])
    await insert(database, 0, rows)
    await insert(database, rows, 2)
    found = await database.read("SELECT id, number, created_at, expires_at FROM responses ORDER BY number")
    assert [tuple(each) for each in found] == [
        (f"r{row}", 8 + row + (1 if row < rows else 2), row, 0.5) for row in range(rows + 2)
    ]
    await database.close()


async def insert(database: Database, start: int, rows: int) -> None:
    """With one number of the transaction before them for something else."""
    statements = insert_statements("responses", COLUMNS, values(start, rows), before=1)
    await database.write([*statements, take(rows + 1)])


async def test_what_is_there_already_may_stay(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "corral.db")
    await begin_log(database, ClusterId("c"))
    for verb in ("INSERT", "INSERT OR IGNORE"):
        statements: list[Statement] = insert_statements("responses", COLUMNS, values(0, 3), verb=verb)
        await database.write([*statements, take(3)])
    numbers = await database.read("SELECT number FROM responses ORDER BY number")
    assert [each["number"] for each in numbers] == [1, 2, 3]
    await database.close()

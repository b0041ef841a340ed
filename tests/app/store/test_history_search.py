"""Whatever people type into the search, it is words and never the syntax of FTS5."""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corral.app.store.history import match_query
from corral.app.store.migrations import prepare, read_migrations
from corral.app.store.search_index import statements

TEXTS = [
    "Grüße aus Köln",
    "don't panic",
    "snake_case and CamelCase",
    "数据 库",
    "cafe\u0301 noir",
    "version 2.5²",
]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("search") / "corral.db"
    prepare(path, read_migrations())
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for number, text in enumerate(TEXTS, start=1):
            row = (number, "", "", text)
            connection.execute("INSERT INTO request_texts VALUES (?, ?, ?, ?)", row)
        for statement in statements():
            connection.executemany(statement.sql, statement.rows)
        yield connection


def found(search: sqlite3.Connection, words: str) -> list[int]:
    """Places in TEXTS."""
    rows = search.execute(
        "SELECT rowid FROM request_search WHERE request_search MATCH ?", (match_query(words),)
    )
    return [row[0] - 1 for row in rows]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("grusse", []),
        ("GRÜSSE", []),
        ("köln grüße", [0]),
        ("koln", [0]),
        ("kö", [0]),
        ("don't", [1]),
        ("panic don", [1]),
        ("snake_case", [2]),
        ("camel", [2]),
        ("case", [2]),
        ("数据", [3]),
        ("cafe\u0301", [4]),
        ("café", [4]),
        ("2.5²", [5]),
        ("", []),
        ("***", []),
        ('" OR "', []),
        ("NEAR(a b)", []),
        ("searched: panic", []),
    ],
)
def test_words(search: sqlite3.Connection, words: str, numbers: list[int]) -> None:
    assert found(search, words) == numbers


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_nothing_breaks_it(search: sqlite3.Connection, words: str) -> None:
    found(search, words.encode("utf-8", "replace").decode())

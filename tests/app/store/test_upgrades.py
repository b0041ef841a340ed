"""Every earlier version of the database, with rows in it, becomes the newest one and loses nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from corral.app.paths import backup_path
from corral.app.store.migrations import prepare, read_migrations
from corral.app.store.search_index import statements

STEPS = read_migrations()
NOW = 1_700_000_000.0
TEXT = 20  # numbers only grow, and rows of earlier versions get some too

# What a program of that version had written: version → (table, row).
ROWS: dict[int, list[tuple[str, dict[str, object]]]] = {
    1: [
        (
            "api_keys",
            {
                "id": "k1",
                "name": "first key",
                "key_prefix": "sk_abcde",
                "digest": b"\x01" * 32,
                "scopes": "admin api",
                "created_at": NOW,
                "expires_at": None,
                "revoked_at": None,
            },
        ),
    ],
    2: [
        (
            "responses",
            {
                "id": "resp_1",
                "created_at": NOW,
                "api_key_id": "k1",
                "document": b"{}",
                "input_items": b"[]",
                "expires_at": NOW + 9,
            },
        ),
    ],
    3: [
        (
            "users",
            {
                "id": "u1",
                "username": "Ada",
                "password_hash": "$argon2id$…",
                "role": "admin",
                "created_at": NOW,
                "last_login_at": None,
                "generation": 4,
            },
        ),
        (
            "audit",
            {
                "id": "a1",
                "at": NOW,
                "who_kind": None,
                "who_id": None,
                "who_name": None,
                "address": "::1",
                "action": "Sign in",
                "method": "POST",
                "path": "/v0/auth/login",
                "status": 401,
                "request_id": "r",
                "details": "{}",
            },
        ),
        ("revoked_sessions", {"id": "s1", "expires_at": NOW + 9}),
        (
            "invitations",
            {
                "id": "i1",
                "digest": b"\x02" * 32,
                "code_prefix": "inv_abcd",
                "created_at": NOW,
                "created_by": "Ada",
                "expires_at": NOW + 9,
                "used_at": None,
                "used_by": None,
            },
        ),
    ],
    4: [
        (
            "requests",
            {
                "number": TEXT,
                "id": "q1",
                "request_id": "r",
                "started_at": NOW,
                "method": "POST",
                "path": "/v1/chat/completions",
                "model": "m",
                "endpoint_id": None,
                "endpoint_name": None,
                "node_name": None,
                "who_kind": None,
                "who_id": None,
                "who_name": None,
                "address": "::1",
                "status": 200,
                "outcome": "ok",
                "error_code": None,
                "streamed": 0,
                "duration_s": 1.5,
                "queued_s": 0.0,
                "first_token_s": None,
                "prompt_tokens": 1,
                "cached_tokens": 0,
                "completion_tokens": 2,
                "request_bytes": 3,
                "answer_bytes": 4,
            },
        ),
        (
            "request_texts",
            {"number": TEXT, "request_body": "{}", "answer_body": "{}", "searched": "hello Welt"},
        ),
    ],
    6: [
        ("api_key_uses", {"id": "k1", "last_used_at": NOW + 1}),
        ("user_logins", {"id": "u1", "last_login_at": NOW + 2}),
    ],
    7: [
        ("history_logs", {"first": 28, "name": "n", "last": 29, "cluster": "c"}),
        ("history_cursors", {"node": "N", "log": "l", "number": 5}),
    ],
}


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))


def rows_up_to(version: int) -> list[tuple[str, dict[str, object]]]:
    return [entry for number in range(1, version + 1) for entry in ROWS.get(number, [])]


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_rows_of_an_earlier_version_survive(tmp_path: Path, version: int) -> None:
    path = tmp_path / "corral.db"
    prepare(path, STEPS[:version])
    with closing(sqlite3.connect(path)) as connection:
        for table, row in rows_up_to(version):
            insert(connection, table, row)
        connection.commit()
    prepare(path, STEPS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(STEPS)
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for table, row in rows_up_to(version):
            found = connection.execute(f"SELECT {', '.join(row)} FROM {table}").fetchall()
            assert tuple(row.values()) in found
        for number in range(version + 1, len(STEPS) + 1):  # what came later works on the old rows
            for table, row in ROWS.get(number, []):
                insert(connection, table, row)
        for statement in statements():
            connection.executemany(statement.sql, statement.rows)
        match = connection.execute("SELECT rowid FROM request_search WHERE request_search MATCH 'welt'")
        assert match.fetchall() == [(TEXT,)]
    assert backup_path(path, version=version).exists() == (version < len(STEPS))


def test_every_table_has_a_row_here(tmp_path: Path) -> None:
    """So that a new table is not forgotten; those without one are named."""
    path = tmp_path / "corral.db"
    prepare(path, STEPS)
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%STRICT%'"
        tables = {str(row[0]) for row in connection.execute(sql)}
    assert tables - {table for table, _ in rows_up_to(len(STEPS))} == {"usage", "search_mark"}

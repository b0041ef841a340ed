"""Rows of requests, as short as can be."""

from corral.app.store.database import Database, Statement

_REQUEST = (
    "INSERT INTO requests (number, id, request_id, started_at, method, path, address, status, outcome, streamed, duration_s,"
    " queued_s, prompt_tokens, cached_tokens, completion_tokens, request_bytes, answer_bytes)"
    " VALUES (?, ?, 'r', ?, 'POST', '/v1/chat/completions', '::1', 200, 'ok', 0, 1.0, 0.0, 1, 0, 1, 1, 1)"
)
_TEXTS = "INSERT INTO request_texts (number, request_body, answer_body, searched) VALUES (?, ?, ?, ?)"

# How many texts the search index has not yet.
UNINDEXED = "SELECT count(*) FROM request_texts WHERE number > (SELECT last FROM search_mark)"


async def add_request(
    database: Database,
    number: int,
    *,
    searched: str = "",
    started_at: float = 100.0,
    bodies: tuple[str, str] = ("{}", "{}"),
) -> None:
    """With its texts, as one transaction. `searched`: its words, where they are known already."""
    await database.write(
        [
            Statement(_REQUEST, [(number, f"q{number}", started_at)]),
            Statement(_TEXTS, [(number, *bodies, searched)]),
        ]
    )

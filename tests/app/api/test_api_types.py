"""The page's types of the HTTP API are those of the code: who changes the API sees at once which page minds."""

from pathlib import Path

from tests.app.api.api_types import SCHEMA, write_types


def test_types_of_the_api_are_current(tmp_path: Path) -> None:
    """`make types` writes them anew."""
    current = tmp_path / "schema.d.ts"
    write_types(current)
    assert SCHEMA.read_text(encoding="utf-8") == current.read_text(encoding="utf-8"), "run `make types`"

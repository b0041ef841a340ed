"""The bytes of copies: fixed, bounded, and open for what later versions add."""

from typing import Any

import msgspec
import pytest

from corral.app.history import copy_wire as wire
from corral.app.store import audit, history
from tests.app.history.wire_values import MESSAGES, golden

PAGE = msgspec.msgpack.decode(golden("page"))


@pytest.mark.parametrize("name", MESSAGES)
def test_golden_messages(name: str) -> None:
    message = MESSAGES[name]
    assert wire.decode(golden(name), type(message)) == message
    assert wire.encode(message) == golden(name)


@pytest.mark.parametrize("name", MESSAGES)
def test_unknown_fields_are_ignored_and_most_have_defaults(name: str) -> None:
    message = MESSAGES[name]
    more = msgspec.msgpack.encode(msgspec.msgpack.decode(golden(name)) | {"later": [1, {}]})
    assert wire.decode(more, type(message)) == message
    assert wire.decode(msgspec.msgpack.encode({}), type(message)) == type(message)()


def test_rows_have_the_columns_of_their_tables_in_order() -> None:
    def columns(text: str) -> list[str]:
        return [each.strip() for each in text.split(",")]

    assert [*wire.RequestRow.__struct_fields__] == columns(history.COLUMNS)
    assert [*wire.AuditRow.__struct_fields__] == columns(audit.COLUMNS)
    sums = [*columns(history.USAGE_WHO), *history.SUMS, "log"]
    assert list(wire.UsageRow.__struct_fields__) == sums
    assert list(wire.ResponseRow.__struct_fields__) == [
        "id",
        "created_at",
        "api_key_id",
        "expires_at",
        "deleted",
    ]


def _changed(kind: str, **fields: Any) -> bytes:
    return msgspec.msgpack.encode(PAGE | {kind: [PAGE[kind][0] | fields]})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91" * 5000,
        golden("page")[:-1],
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode({"number": -1}),
        msgspec.msgpack.encode({"log": "x" * 65}),
        msgspec.msgpack.encode({"requests": [{}] * (wire.MOST_ROWS + 1)}),
        _changed("requests", id=""),
        _changed("requests", id=None),
        _changed("requests", started_at=float("nan")),
        _changed("requests", prompt_tokens=2**63),
        _changed("requests", path="x" * (wire.MOST_CHARACTERS + 1)),
        _changed("requests", duration_s="1"),
        _changed("usage", requests=-1),
        _changed("usage", log=None),
        _changed("audit", details="x" * (wire.MOST_DETAILS + 1)),
        _changed("responses", expires_at=float("inf")),
        bytes(wire.MOST_ANSWER_BYTES + 1),
    ],
    ids=range(19),
)
def test_nonsense(data: bytes) -> None:
    with pytest.raises(wire.BadCopy):
        wire.decode(data, wire.Page)

"""Records of a block are lost one by one, their texts too."""

from collections.abc import Sequence

import pytest

from corral.app.gateway.trace import Trace
from corral.app.history.block import Block, forget_texts, size_of
from corral.app.store.history import REQUESTS
from corral.engines.events import TextDelta
from tests.app.history.records import NOW, record

WIDTH = REQUESTS[1].count(",") + 1
STARTED_AT = REQUESTS[1].split(", ").index("started_at")


def block(*, count: int, keeps_texts: bool = True) -> Block:
    made = Block(keeps_texts=keeps_texts)
    made.add(
        [record(at=NOW + number, request_body=b"%d" % number) for number in range(count)],
        [10 * (number + 1) for number in range(count)],
    )
    return made


def started(block: Block) -> Sequence[object]:
    return block.values[STARTED_AT::WIDTH]


def test_rows_and_texts_are_side_by_side() -> None:
    made = block(count=3)
    assert (made.count, made.size) == (3, 60)
    assert started(made) == [NOW, NOW + 1, NOW + 2]
    assert made.texts[::3] == ["0", "1", "2"]
    assert block(count=3, keeps_texts=False).texts == []


def test_the_oldest_is_lost_first() -> None:
    made = block(count=2)
    made.count_in(record())
    assert (made.drop_oldest(), made.count, started(made), made.texts[::3]) == (10, 2, [NOW + 1], ["1"])
    assert (made.drop_oldest(), made.drop_oldest()) == (20, 0)
    assert (made.count, made.size, made.values, made.texts) == (0, 0, [], [])


@pytest.mark.parametrize(
    ("least", "dropped", "left"),
    [(0, 0, ["0", "1", "2"]), (1, 10, ["", "1", "2"]), (11, 30, ["", "", "2"]), (999, 60, ["", "", ""])],
)
def test_texts_go_until_there_is_room(least: int, dropped: int, left: list[str]) -> None:
    made = block(count=3)
    assert made.drop_texts(least) == dropped
    assert made.texts[::3] == left and made.size == 60 - dropped
    assert started(made) == [NOW, NOW + 1, NOW + 2]


def test_where_no_texts_are_kept_none_come_back() -> None:
    made = block(count=3, keeps_texts=False)
    assert made.drop_texts(60) == 60 and made.texts == []


def test_size() -> None:
    asked = record(request_body=b"12345", answer=[b"123", b"4567"], answer_bytes=7)
    assert size_of(asked) == 12
    streamed = record(
        request_body=b"", answer=[], answer_bytes=900, trace=Trace(events=[TextDelta(index=0, text="a")])
    )
    assert 0 < size_of(streamed) < 900
    for each in (asked, streamed):
        forget_texts(each)
        assert size_of(each) == 0

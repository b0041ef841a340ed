"""Which piece is fetched where."""

from corral.app.model_copy.piece_board import LATE_S, PieceBoard
from corral.app.model_copy.source_book import FIRST_REST_S, LONGEST_REST_S, SourceBook
from corral.app.model_copy.speed import Speed
from corral.peers.ids import NodeId

A, B, C = NodeId("A"), NodeId("B"), NodeId("C")


def test_each_source_gets_a_piece_that_nobody_fetches() -> None:
    board = PieceBoard([10] * 4, have={1})
    assert [board.take(A, 0.0), board.take(B, 0.0), board.take(C, 0.0)] == [0, 2, 3]
    assert board.take(A, 0.0) is None
    assert board.done_bytes == 10
    board.coming(2, B, 4)
    assert board.done_bytes == 14


def test_a_piece_that_is_put_back_goes_to_the_next() -> None:
    board = PieceBoard([10], have=())
    assert board.take(A, 0.0) == 0
    board.coming(0, A, 9)
    board.put_back(0, A)
    assert board.done_bytes == 0
    assert board.take(B, 0.0) == 0
    board.brought(0, B, 1.0)
    assert board.complete and board.done_bytes == 10 and not board.is_missing(0)


def test_at_the_end_a_fast_source_takes_over_from_a_slow_one() -> None:
    board = PieceBoard([100] * 4, have=())
    assert [board.take(A, 0.0), board.take(B, 0.0)] == [0, 1]
    board.brought(0, A, 1.0)  # 100 bytes a second
    board.brought(1, B, 20.0)  # 5 bytes a second
    assert board.take(B, 20.0) == 2
    assert board.take(A, 20.0) == 3
    board.brought(3, A, 21.0)
    assert board.take(A, 21.0) == 2  # B would need until 40
    assert board.take(C, 21.0) is None  # two are enough
    board.brought(2, A, 22.0)
    assert board.complete
    board.put_back(2, B)


def test_a_slow_source_takes_nothing_from_a_fast_one() -> None:
    board = PieceBoard([100] * 3, have=())
    assert [board.take(A, 0.0), board.take(B, 0.0)] == [0, 1]
    board.brought(0, A, 1.0)
    board.brought(1, B, 20.0)
    assert board.take(A, 20.0) == 2
    assert board.take(B, 20.0) is None
    assert board.take(B, 20.5) is None


def test_a_source_that_should_be_done_long_ago_loses_its_piece_to_anybody() -> None:
    board = PieceBoard([100], have=())
    assert board.take(A, 0.0) == 0
    assert board.take(B, LATE_S) is None
    assert board.take(B, LATE_S + 0.1) == 0
    assert board.take(A, LATE_S + 0.1) is None  # its own


def test_sources_that_fail_rest_longer_each_time() -> None:
    book = SourceBook()
    assert book.usable([A, B], 0.0) == [A, B]
    book.failed(A, 0.0)
    assert book.usable([A, B], 0.0) == [B]
    assert book.usable([A, B], FIRST_REST_S) == [B, A]
    for _ in range(50):
        book.failed(A, 100.0)
    assert book.usable([A], 100.0 + LONGEST_REST_S - 0.1) == []
    assert book.usable([A], 100.0 + LONGEST_REST_S) == [A]
    book.answered(A)
    book.failed(A, 200.0)
    assert book.usable([A], 200.0 + FIRST_REST_S) == [A]


def test_liars_are_never_asked_again() -> None:
    book = SourceBook()
    book.lied(A)
    assert book.usable([A, B], 10**9) == [B]


def test_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.bytes_per_s(0.0) == 0
    for tenth in range(100):
        speed.note(10, tenth / 10)
        speed.note(10, tenth / 10 + 0.01)
    assert 190 <= speed.bytes_per_s(10.0) <= 210
    assert speed.bytes_per_s(100.0) == 0

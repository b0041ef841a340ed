"""Which pieces are fetched next."""

from corral.app.registry.piece_queue import PieceQueue, Run


def runs(queue: PieceQueue) -> list[Run]:
    found = []
    while (run := queue.take()) is not None:
        found.append(run)
    return found


def test_pieces_in_order_but_for_those_that_are_there() -> None:
    queue = PieceQueue([25, 0, 10], 10, have={(0, 1)})
    assert runs(queue) == [
        Run(file=0, first=0, end=1),
        Run(file=0, first=2, end=3),
        Run(file=2, first=0, end=1),
    ]
    assert (queue.done_bytes, queue.complete) == (10, False)


def test_what_is_put_back_is_taken_again() -> None:
    queue = PieceQueue([20], 10, have=())
    first, second = runs(queue)
    queue.put_back(second)
    assert queue.take() == second
    queue.brought((0, 0))
    queue.put_back(first)
    assert queue.take() is None
    queue.brought((0, 1))
    assert (queue.complete, queue.done_bytes) == (True, 20)


def test_a_server_that_can_not_begin_in_the_middle_gets_one_connection() -> None:
    queue = PieceQueue([25, 5], 10, have={(0, 0)})
    first = queue.take()
    assert first == Run(file=0, first=1, end=2)
    queue.only_whole(0)
    assert queue.take() == Run(file=1, first=0, end=1)
    assert queue.take() is None
    queue.put_back(first)
    assert queue.take() == Run(file=0, first=0, end=3, whole=True)
    assert queue.take() is None


def test_nothing_to_fetch() -> None:
    assert PieceQueue([0], 10, have=()).complete

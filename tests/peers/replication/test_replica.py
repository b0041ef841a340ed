"""Two or three replicas over real SQLite files, a message at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication.cell import DELETED, Cell
from corral.peers.replication.clock import DAY_MS, MADE_MS, Instant, Stamp, stamp_of
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import RowDeleted
from corral.peers.replication.merge import FROM_THE_FUTURE
from corral.peers.replication.messages import Compare, Digests, Page, Pull, Push, Stored
from corral.peers.replication.replica import Replica
from corral.peers.replication.sqlite_storage import SqliteStorage
from corral.peers.replication.storage import Cursor

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
NOW = Instant(1_800_000_000_000, 100.0)


def later(seconds: float, *, wall_ms: int = 0) -> Instant:
    return Instant(NOW.wall_ms + int(seconds * 1000) + wall_ms, NOW.waited_s + seconds)


class Pair:
    """Replicas whose messages are carried at once; `carried` tells which."""

    def __init__(self, replicas: dict[NodeId, Replica]) -> None:
        self.replicas = replicas
        self.carried: list[tuple[NodeId, str]] = []

    def beat(self, now: Instant = NOW) -> None:
        """Everyone hears everyone, and all questions are asked until there are none."""
        for to, replica in self.replicas.items():
            for peer, other in self.replicas.items():
                if peer != to:
                    replica.hear(peer, other.summary(now), now)
        self.carry(now)

    def carry(self, now: Instant = NOW) -> None:
        while sum(self._carry_from(node, now) for node in self.replicas):
            pass

    def asked_by(self, node: NodeId) -> list[str]:
        """The kinds of its questions since `carried` was cleared."""
        return [kind for asker, kind in self.carried if asker == node]

    def _carry_from(self, node: NodeId, now: Instant) -> int:
        sends = self.replicas[node].due(now)
        for send in sends:
            self.carried.append((node, type(send.request).__name__))
            answer = self.replicas[send.to].answer(node, send.request, now)
            self.replicas[node].receive(send.to, answer, now)
        return len(sends)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def pair(tmp_path: Path, files: ExitStack) -> Pair:
    return Pair({node: opened(tmp_path / f"{node}.db", node, files) for node in (A, B)})


def opened(path: Path, node: NodeId, files: ExitStack) -> Replica:
    connection = files.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
    return Replica(node=node, storage=SqliteStorage(connection))


def set_live(pair: Pair) -> None:
    for node, replica in pair.replicas.items():
        replica.set_live(set(pair.replicas) - {node})


def setting(name: str, value: object) -> Edit:
    return Edit("settings", name, {"value": value})


def settings(replica: Replica) -> dict[str, object]:
    return {row.id: row.values["value"] for row in replica.rows("settings").rows}


def test_a_write_is_handed_over_at_once_and_acknowledged(pair: Pair) -> None:
    set_live(pair)
    pair.beat()
    receipt = pair.replicas[A].write([setting("log_level", "debug")], NOW)
    assert pair.replicas[A].settled(NOW) == ()
    pair.carry()
    assert settings(pair.replicas[B]) == {"log_level": "debug"}
    assert [(each.receipt, each.replicated) for each in pair.replicas[A].settled(NOW)] == [(receipt, True)]
    pair.carried.clear()
    pair.beat()
    assert pair.carried == []  # equal digests: nothing to ask


def test_alone_a_write_is_settled_at_once(pair: Pair) -> None:
    receipt = pair.replicas[A].write([setting("log_level", "debug")], NOW)
    assert [(each.receipt, each.replicated) for each in pair.replicas[A].settled(NOW)] == [(receipt, False)]
    assert pair.replicas[A].due(NOW) == ()


def test_nobody_waits_longer_than_300_ms(pair: Pair) -> None:
    set_live(pair)
    pair.replicas[A].write([setting("log_level", "debug")], NOW)
    assert pair.replicas[A].settled(later(0.29)) == ()
    assert [each.replicated for each in pair.replicas[A].settled(later(0.31))] == [False]
    assert pair.replicas[A].settled(later(9)) == ()


def test_a_push_that_was_not_wholly_kept_acknowledges_nothing(pair: Pair) -> None:
    set_live(pair)
    receipt = pair.replicas[A].write([setting("log_level", "debug")], NOW)
    log = pair.replicas[A].summary(NOW).log
    for answer in (
        Stored(log=log, after=0, upto=receipt.upto, refused=1),
        Stored(log="another", after=0, upto=receipt.upto),
        Stored(log=log, after=receipt.upto, upto=receipt.upto + 1),
    ):
        pair.replicas[A].receive(B, answer, NOW)
        assert pair.replicas[A].settled(NOW) == ()


def test_a_newcomer_compares_and_pulls_page_by_page(pair: Pair) -> None:
    for first in range(0, 12_000, 1000):
        pair.replicas[A].write([setting(f"s{n}", n) for n in range(first, first + 1000)], NOW)
    set_live(pair)
    pair.beat()
    assert pair.asked_by(B) == ["Compare", "Pull", "Pull", "Pull"]
    assert len(settings(pair.replicas[B])) == 12_000
    pair.carried.clear()
    pair.replicas[B].hear(A, pair.replicas[A].summary(NOW), NOW)
    assert pair.replicas[A].digest == pair.replicas[B].digest
    assert pair.replicas[B].due(NOW) == ()


def test_pages_of_large_values_are_short(pair: Pair) -> None:
    for number in range(100):
        pair.replicas[A].write([setting(f"s{number}", "x" * 60_000)], NOW)
    set_live(pair)
    pair.beat()
    assert pair.asked_by(B).count("Pull") == 3
    assert len(settings(pair.replicas[B])) == 100


def test_after_a_missed_push_only_the_rest_is_pulled(pair: Pair) -> None:
    pair.replicas[A].write([setting("one", 1)], NOW)
    set_live(pair)
    pair.beat()
    pair.replicas[A].write([setting("two", 2)], NOW)
    pair.replicas[A].due(NOW)  # lost
    pair.carried.clear()
    pair.beat()
    assert pair.asked_by(B) == ["Pull"]
    assert settings(pair.replicas[B]) == {"one": 1, "two": 2}


def test_a_restart_asks_only_for_what_is_new(pair: Pair, tmp_path: Path, files: ExitStack) -> None:
    pair.replicas[A].write([setting("one", 1)], NOW)
    set_live(pair)
    pair.beat()
    pair.replicas[B] = opened(tmp_path / "b.db", B, files)
    pair.replicas[A].write([setting("two", 2)], NOW)
    pair.replicas[A].due(NOW)  # lost
    set_live(pair)
    pair.carried.clear()
    pair.beat()
    assert pair.asked_by(B) == ["Pull"]
    assert settings(pair.replicas[B]) == {"one": 1, "two": 2}


def test_a_question_without_an_answer_is_asked_again(pair: Pair) -> None:
    pair.replicas[A].write([setting("one", 1)], NOW)
    set_live(pair)
    replica = pair.replicas[B]
    replica.hear(A, pair.replicas[A].summary(NOW), NOW)
    assert [send.request for send in replica.due(NOW)] == [Compare()]
    assert replica.due(later(1.9)) == ()
    assert len(replica.due(later(2.1))) == 1
    replica.failed(A)
    assert len(replica.due(later(2.2))) == 1


def test_only_live_members_are_asked(pair: Pair) -> None:
    pair.replicas[A].write([setting("one", 1)], NOW)
    pair.beat()
    assert pair.carried == []
    set_live(pair)
    pair.replicas[B].forget(A)
    assert pair.replicas[B].due(NOW) == ()


def test_both_sides_of_a_split_keep_what_they_wrote(pair: Pair) -> None:
    pair.replicas[A].write([setting("mine", "a"), setting("ours", "a")], NOW)
    pair.replicas[B].write([setting("its", "b"), setting("ours", "b")], later(1))
    set_live(pair)
    pair.beat(later(2))
    expected = {"mine": "a", "its": "b", "ours": "b"}
    assert [settings(each) for each in pair.replicas.values()] == [expected, expected]


def test_a_stale_machine_undoes_neither_revocation_nor_deletion(pair: Pair) -> None:
    pair.replicas[A].write([Edit("api_keys", "k1", {"revoked_at": 1_800_000_000.0})], NOW)
    pair.replicas[A].write([Edit.delete("users", "u1")], NOW)
    late = stamp_of(NOW.wall_ms + 9, 0, B)
    stale = (Cell("api_keys", "k1", "revoked_at", "null", late), Cell("users", "u1", DELETED, "false", late))
    page = Page(log="x", after=0, upto=2, cells=stale)
    assert pair.replicas[A].answer(B, Push(page=page), NOW) == Stored(log="x", after=0, upto=2)
    pair.replicas[B].answer(A, Push(page=page), NOW)
    set_live(pair)
    pair.beat()
    for replica in pair.replicas.values():
        with pytest.raises(RowDeleted):
            replica.write([Edit("users", "u1", {"role": "admin"})], later(5))
        assert replica.digest == pair.replicas[A].digest


def test_cells_of_unknown_tables_are_kept_and_handed_on(pair: Pair) -> None:
    new = Cell("of_a_later_version", "x", "colour", '"red"', stamp_of(NOW.wall_ms, 0, C))
    pair.replicas[A].answer(C, Push(page=Page(log="c", after=0, upto=1, cells=(new,))), NOW)
    set_live(pair)
    pair.beat()
    digests = pair.replicas[B].answer(A, Compare(), NOW)
    assert isinstance(digests, Digests)
    assert list(digests.tables) == ["of_a_later_version"]


def test_what_is_refused_is_told(pair: Pair) -> None:
    lies = (
        Cell("api_keys", "k1", "name", '"x"', stamp_of(NOW.wall_ms + DAY_MS + 1, 0, C)),
        Cell("api_keys", "k1", "revoked_at", '"never"', stamp_of(NOW.wall_ms, 0, C)),
        Cell("api_keys", "k1", "name", '"true"', stamp_of(NOW.wall_ms, 0, C)),
    )
    replica = pair.replicas[A]
    answer = replica.answer(C, Push(page=Page(log="c", after=0, upto=3, cells=lies)), NOW)
    assert isinstance(answer, Stored)
    assert answer.refused == 2
    assert [(peer, each.cell) for peer, each in replica.take_refusals()] == [(C, lies[0]), (C, lies[1])]
    assert replica.take_refusals() == ()
    assert replica.take_changes() == {("api_keys", "k1")}
    assert replica.take_changes() == frozenset()


def test_refusals_are_remembered_in_bounded_memory(pair: Pair) -> None:
    lie = Cell("api_keys", "k1", "name", '"x"', Stamp("soon"))
    page = Page(log="c", after=0, upto=1, cells=(lie,) * 5000)
    answer = pair.replicas[A].answer(C, Push(page=page), NOW)
    assert isinstance(answer, Stored)
    assert answer.refused == 5000
    assert len(pair.replicas[A].take_refusals()) == 100


def test_a_clock_that_was_days_ahead_costs_nothing_once_it_is_right(pair: Pair) -> None:
    wrong = later(0, wall_ms=3 * DAY_MS)
    set_live(pair)
    pair.replicas[A].write([setting("one", 1)], wrong)
    pair.replicas[A].write([setting("two", 2)], wrong)
    (push,) = pair.replicas[A].due(wrong)
    answer = pair.replicas[B].answer(A, push.request, NOW)
    assert isinstance(answer, Stored)
    assert answer.refused == 2
    assert {each.reason for _, each in pair.replicas[B].take_refusals()} == {FROM_THE_FUTURE}
    pair.beat(later(1))
    assert settings(pair.replicas[B]) == {"one": 1, "two": 2}
    pair.replicas[B].write([setting("one", "new")], later(2))
    pair.beat(later(3))
    assert settings(pair.replicas[A]) == {"one": "new", "two": 2}


LOST_BATTERY_MS = MADE_MS - NOW.wall_ms - 9000  # then a clock shows a time before this program was made
YEAR_MS = 365 * DAY_MS


@pytest.mark.parametrize(
    ("own_ms", "theirs_ms", "taken"),
    [
        (-YEAR_MS, {B: 0, C: 7_200_000}, True),
        (-YEAR_MS, {B: 0, C: -YEAR_MS}, False),  # most are behind
        (-YEAR_MS, {B: 0}, False),  # whose is right?
        (LOST_BATTERY_MS, {B: 0}, True),
        (LOST_BATTERY_MS, {}, False),
        (0, {B: -YEAR_MS, C: -YEAR_MS}, True),
    ],
)
def test_a_clock_that_is_behind_those_of_most_members_is_not_believed(
    pair: Pair, own_ms: int, theirs_ms: dict[NodeId, int], taken: bool
) -> None:
    replica, own = pair.replicas[A], later(1, wall_ms=own_ms)
    replica.set_live(theirs_ms)
    for peer, wall_ms in theirs_ms.items():
        replica.hear(peer, pair.replicas[B].summary(later(1, wall_ms=wall_ms)), own)
    written = Cell("settings", "one", "value", "1", stamp_of(NOW.wall_ms, 0, B))
    answer = replica.answer(B, Push(page=Page(log="b", after=0, upto=1, cells=(written,))), own)
    assert isinstance(answer, Stored)
    assert (answer.refused == 0) is taken


def test_what_a_clock_had_refused_is_asked_for_once_it_is_right(pair: Pair) -> None:
    one, other = pair.replicas.values()
    set_live(pair)
    other.write([setting("one", 1)], NOW)
    behind = later(1, wall_ms=-YEAR_MS)
    one.hear(B, other.summary(later(1)), behind)
    while sends := one.due(behind):
        one.receive(B, other.answer(A, sends[0].request, later(1)), behind)
    assert settings(one) == {}
    pair.beat(later(3))
    assert settings(one) == {"one": 1}


@pytest.mark.parametrize(
    ("own_ms", "theirs_ms", "anew"),
    [
        (0, 0, True),
        (0, -3_500_000, True),
        (0, -3_700_000, False),  # whose is right?
        (0, 3 * DAY_MS, False),
        (3 * DAY_MS, 3 * DAY_MS, False),  # nothing is from the future
        (-DAY_MS, -DAY_MS, True),
        (MADE_MS - NOW.wall_ms - 9000, MADE_MS - NOW.wall_ms - 9000, False),  # both lost their batteries
    ],
)
def test_only_clocks_that_agree_have_it_stamped_anew(
    pair: Pair, own_ms: int, theirs_ms: int, anew: bool
) -> None:
    replica = pair.replicas[A]
    replica.write([setting("one", 1)], later(0, wall_ms=2 * DAY_MS))
    before = replica.digest
    set_live(pair)
    own = later(5, wall_ms=own_ms)
    replica.due(own)
    replica.hear(B, pair.replicas[B].summary(later(5, wall_ms=theirs_ms)), own)
    replica.due(own)
    assert (replica.digest != before) is anew


def used(minute: int, *, requests: int) -> Edit:
    return Edit("recent_usage", f"{minute}/a", {"requests_total": requests})


def test_short_lived_cells_are_forgotten_everywhere_at_midnight(pair: Pair) -> None:
    set_live(pair)
    pair.replicas[A].write([used(1, requests=5), setting("kept", 1)], NOW)
    pair.beat()
    first = pair.replicas[A].digest
    later_days = later(40 * DAY_MS / 1000)
    pair.beat(later_days)
    assert pair.replicas[A].digest == pair.replicas[B].digest == first
    pair.beat(later(41 * DAY_MS / 1000))
    assert pair.replicas[A].digest == pair.replicas[B].digest != first
    assert pair.replicas[A].take_changes() >= {("recent_usage", "1/a")}
    assert [settings(each) for each in pair.replicas.values()] == [{"kept": 1}, {"kept": 1}]
    old = Cell("recent_usage", "1/a", "requests_total", "5", stamp_of(NOW.wall_ms, 0, A))
    answer = pair.replicas[B].answer(
        A, Push(page=Page(log="x", after=0, upto=1, cells=(old,))), later(41 * DAY_MS / 1000)
    )
    assert isinstance(answer, Stored)
    assert answer.refused == 1


def test_what_a_wrong_clock_forgot_comes_back(pair: Pair) -> None:
    set_live(pair)
    pair.replicas[A].write([used(1, requests=5)], NOW)
    pair.beat()
    pair.replicas[B].due(later(0, wall_ms=100 * DAY_MS))
    assert pair.replicas[B].digest != pair.replicas[A].digest
    pair.beat(later(1))
    pair.beat(later(62))
    assert pair.replicas[B].digest == pair.replicas[A].digest


def test_a_pull_of_another_log_gets_nothing(pair: Pair) -> None:
    pair.replicas[A].write([setting("one", 1)], NOW)
    answer = pair.replicas[A].answer(B, Pull(since=Cursor("old", 0)), NOW)
    assert isinstance(answer, Page)
    assert (answer.cells, answer.more, answer.log) == ((), False, pair.replicas[A].summary(NOW).log)


def test_one_row_is_read_as_in_its_table(pair: Pair) -> None:
    replica = pair.replicas[A]
    replica.write([setting("one", 1), setting("two", 2)], NOW)
    for id, name in (("m1", "smol"), ("m2", "smol")):
        replica.write([Edit("models", id, {"name": name, "source": {}, "created_at": 1})], NOW)
    for table in ("settings", "models"):
        rows = replica.rows(table).rows
        assert len(rows) == 2
        assert tuple(replica.row(table, row.id) for row in rows) == rows
        assert replica.row(table, "none") is None


def test_the_skew_of_a_members_clock_is_known(pair: Pair) -> None:
    pair.replicas[A].hear(B, pair.replicas[B].summary(later(0, wall_ms=45_000)), NOW)
    assert pair.replicas[A].skew_s(B) == 45.0

"""What caches are thought to keep, and what is learned of their room."""

from random import Random

import pytest

from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.app.gateway.fingerprints import NO_FINGERPRINTS, Fingerprints
from corral.app.gateway.kept import Kept
from corral.app.gateway.prefixes import MOST_PER_PLACE, PrefixMemory

A: PlaceId = (EndpointId("a"), "m")
B: PlaceId = (EndpointId("b"), "m")
NOW = 1000.0
THOUSANDS = 8  # of characters in a prompt


def prints(*numbers: int) -> Fingerprints:
    lengths = tuple(1000 * (place + 1) for place in range(len(numbers)))
    return Fingerprints(tuple(number.to_bytes(8, "big") for number in numbers), lengths, lengths, lengths[-1])


def test_prompts_are_remembered_newest_first_and_bounded() -> None:
    memory = PrefixMemory()
    memory.note(A, prints(1, 2), now=NOW)
    memory.note(A, prints(3, 1), now=NOW + 1)
    assert memory.newest(A, 10) == prints(1, 3, 2).prints
    assert memory.newest(A, 2) == prints(1, 3).prints
    assert memory.newest(A, 10, since=NOW + 0.5) == prints(1, 3).prints
    assert (memory.newest(B, 10), list(memory.at(B).known)) == ((), [])
    memory.note(A, prints(*range(10, 10 + MOST_PER_PLACE)), now=NOW + 2)
    assert len(memory.at(A).known) == MOST_PER_PLACE
    assert prints(1).prints[0] not in memory.at(A).known
    assert not memory.at(A).gone  # nobody has said so


def test_who_had_a_beginning_last() -> None:
    memory = PrefixMemory()
    memory.note(A, prints(1, 2), now=NOW)
    memory.note(B, prints(1, 3), now=NOW)
    wanted = [prints(1, 2), prints(1, 3), prints(1, 4), prints(5), NO_FINGERPRINTS]
    assert [memory.holder(each) for each in wanted] == [A[0], B[0], B[0], None, None]


class Cache:
    """One that really keeps the last prompts, and says what it found."""

    def __init__(self, room: int, *, tells: bool = True) -> None:
        self.kept, self.room, self.tells = Kept(), room, tells
        self.really: list[int] = []

    def ask(self, prompt: int) -> None:
        """A prompt like no other but itself, answered."""
        asked = prints(*range(prompt * THOUSANDS, (prompt + 1) * THOUSANDS))
        expected = self.kept.note(asked, now=NOW, most=1000)
        hit = prompt in self.really
        self.really = [*(each for each in self.really if each != prompt), prompt][-self.room :]
        self.kept.found(asked, expected, 0.99 if hit and self.tells else 0.0)

    def thought(self) -> int:
        """How many prompts are thought to be kept whole."""
        return len(self.kept.known) // THOUSANDS


@pytest.mark.parametrize("room", [2, 5, 9])
def test_the_room_is_learned_from_what_was_missing(room: int) -> None:
    cache = Cache(room)
    random = Random(1)
    for _ in range(300):
        cache.ask(random.randrange(17))
    assert room - 1 <= cache.thought() <= room + 1
    assert cache.kept.gone


def test_it_is_learned_again_when_there_is_more() -> None:
    cache = Cache(2)
    for number in range(100):
        cache.ask(number % 2 if number % 10 else number)
    few = cache.thought()
    cache.room = 8
    for number in range(100):
        cache.ask(number * 5 % 8)
    assert few <= 3 and cache.thought() >= 7


def test_one_that_never_tells_is_thought_to_keep_what_it_got() -> None:
    cache = Cache(2, tells=False)
    for number in range(40):
        cache.ask(number % 10)
    assert cache.thought() == 10 and not cache.kept.gone


def test_what_nobody_has_read_yet_is_not_missed() -> None:
    kept = Kept()
    one, other = prints(1), prints(2, 3, 4)
    kept.found(one, kept.note(one, now=NOW, most=100), 0.5)  # it tells
    first = kept.note(other, now=NOW, most=100)
    second = kept.note(other, now=NOW, most=100)
    for expected in (first, second):
        kept.found(other, expected, 0.0)
    assert set(kept.known) == {*one.prints, *other.prints}
    kept.found(other, kept.note(other, now=NOW, most=100), 0.0)
    assert set(kept.known) == set(other.prints[-1:])  # of the 4,000 characters 3,000 were not there


def test_what_the_model_wrote_takes_room_too_but_need_not_come_back() -> None:
    kept = Kept()
    names = prints(1, 2).prints
    question = Fingerprints(names[:1], (1000,), (1000,), 1000)
    kept.found(question, kept.note(question, now=NOW, most=100), 0.5)
    later = Fingerprints(names, (1000, 5000), (4000, 5000), 5000)
    expected = kept.note(later, now=NOW, most=100)
    assert expected.held == 1000
    kept.found(later, expected, 0.2)
    assert set(kept.known) == set(names)


def test_what_came_since_had_room() -> None:
    kept = Kept()
    shared = tuple(range(8))
    first, second = prints(*shared, 10), prints(*shared, 11)
    kept.found(first, kept.note(first, now=NOW, most=100), 0.5)
    kept.found(second, kept.note(second, now=NOW, most=100), 0.9)
    expected = kept.note(first, now=NOW, most=100)
    assert (expected.held, expected.newer) == (9000, 9000)
    kept.found(first, expected, 0.0)
    assert len(kept.known) == 9  # of 10: it can't be that all 9,000 characters that are missing had no room


def test_it_is_believed_again_what_was_thought_to_be_gone() -> None:
    kept = Kept()
    old, new = prints(1, 2, 3), prints(4, 5, 6)
    for each in (old, new):
        kept.found(each, kept.note(each, now=NOW, most=100), 0.5)
    kept.found(old, kept.note(old, now=NOW, most=100), 0.0)
    assert set(new.prints) <= set(kept.gone)
    expected = kept.note(new, now=NOW, most=100)
    assert (expected.held, expected.gone) == (0, 3000)
    kept.found(new, expected, 0.99)
    kept.found(old, kept.note(old, now=NOW, most=100), 0.99)
    assert set(kept.known) == {*old.prints, *new.prints} and not kept.gone

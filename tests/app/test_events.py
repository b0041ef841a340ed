"""The ring of events."""

import asyncio

import pytest

from corral.app.events import BACK_S, EventFeed, FellBehind, TooManyWatchers


def numbers(feed: EventFeed, position: int) -> list[int]:
    return [event.number for event in feed.after(position)]


def test_a_watcher_gets_what_came_after_its_position() -> None:
    feed = EventFeed(ring=3)
    assert numbers(feed, 0) == []
    for _ in range(3):
        feed.publish("x", {})
    assert (numbers(feed, 0), numbers(feed, 2), numbers(feed, 3)) == ([1, 2, 3], [3], [])


def test_who_is_too_slow_is_told() -> None:
    feed = EventFeed(ring=3)
    for _ in range(4):
        feed.publish("x", {})
    assert numbers(feed, 1) == [2, 3, 4]
    with pytest.raises(FellBehind):
        feed.after(0)


def test_ids_lead_back_to_positions_of_this_run_only() -> None:
    feed = EventFeed(ring=3)
    for _ in range(4):
        feed.publish("x", {})
    assert [feed.position_of(feed.id_of(number)) for number in range(6)] == [None, 1, 2, 3, 4, None]
    assert EventFeed().position_of(feed.id_of(1)) is None
    for garbage in ("", "x", "-", feed.id_of(1) + "x", feed.id_of(1)[:-1] + "²", feed.id_of(1) + "0" * 30):
        assert feed.position_of(garbage) is None


def test_watchers_are_bounded() -> None:
    feed = EventFeed(most_watchers=1)
    feed.enter()
    with pytest.raises(TooManyWatchers):
        feed.enter()
    feed.leave()
    feed.enter()


def test_what_nobody_follows_is_left_out() -> None:
    """Who comes back in time has lost nothing, and later begins anew."""
    now = [0.0]
    feed = EventFeed(clock=lambda: now[0])
    assert not feed.followed
    feed.enter()
    feed.publish("x", {})
    assert feed.followed
    feed.leave()
    now[0] = BACK_S - 1
    assert feed.followed
    feed.publish("x", {})
    assert feed.position_of(feed.id_of(1)) == 1
    now[0] = BACK_S
    assert not feed.followed
    feed.leave_out()
    assert [feed.position_of(feed.id_of(number)) for number in range(4)] == [None, None, None, 3]
    with pytest.raises(FellBehind):
        feed.after(2)
    feed.publish("x", {})
    assert numbers(feed, 3) == [4]


async def test_all_who_wait_are_woken() -> None:
    feed = EventFeed()
    waiting = [asyncio.create_task(feed.wait(0, 60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    feed.publish("x", {})
    await asyncio.gather(*waiting)
    again = asyncio.create_task(feed.wait(1, 60.0))
    await asyncio.sleep(0)
    feed.close()
    await again
    await feed.wait(1, 60.0)  # closed: nothing to wait for


async def test_what_is_done_for_watchers_waits_for_one() -> None:
    feed = EventFeed()
    waiting = asyncio.create_task(feed.watched())
    await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    feed.enter()
    await waiting
    feed.enter()
    feed.leave()
    await feed.watched()
    feed.leave()
    again = asyncio.create_task(feed.watched())
    await asyncio.wait([again], timeout=0)
    assert not again.done()
    again.cancel()
    await asyncio.wait([again])

"""From the node's answers to icon, tooltip, menu and notifications."""

from dataclasses import replace
from typing import Any

import pytest

from corral.app.desktop import words
from corral.app.desktop.look import Look, look_of
from corral.app.desktop.menu import SEPARATOR, Item, Kind, Order, menu_of
from corral.app.desktop.notices import notices
from corral.app.desktop.view import JoinRequest, LocalModel, Machine, View, view_of

HEALTH = {"status": "ok", "sharing": "on", "recording": "ok"}
DESK = {"id": "d", "name": "desk", "role": "router", "online": True, "this": True}
SOFA = {"id": "s", "name": "sofa", "role": "follower", "online": False, "this": False}
LOCAL: dict[str, Any] = {
    "url": "http://localhost:1",
    "node": {"id": "d", "name": "desk", "role": "router"},
    "cluster": {"id": "c", "name": "home"},
    "router": {"id": "d", "name": "desk"},
    "nodes": [DESK, SOFA],
    "joining": None,
}
MODELS: list[dict[str, Any]] = [
    {"name": "big", "lifecycle": "loaded", "error": None, "live": {"tokens_per_s": 12.4, "active": 2}},
    {"name": "bad", "lifecycle": "error", "error": "it is cut off", "live": {"tokens_per_s": 0, "active": 0}},
    {"name": "new", "lifecycle": "on_disk", "error": None, "live": {"tokens_per_s": 0, "active": 0}},
]
REQUEST = {"id": "r1", "name": "lap", "code": "123456"}
ROUTER = view_of(HEALTH, LOCAL, MODELS, [REQUEST])
ALONE = View(status="ok", role="alone", router="desk", cluster="home")


@pytest.mark.parametrize(
    ("view", "look", "status"),
    [
        (View(), Look.STARTING, "Starting …"),
        (View(status="gone"), Look.PROBLEM, "The node doesn't answer"),
        (replace(ALONE, status="draining"), Look.STARTING, "Starting …"),
        (ALONE, Look.ALONE, "Ready · no model yet"),
        (ROUTER, Look.ROUTER, "Router · 1 machine · 2 models, 1 loaded"),
        (replace(ROUTER, role="follower"), Look.SERVING, "Follower · 1 machine · 2 models, 1 loaded"),
        (replace(ROUTER, paused=True), Look.PAUSED, "Paused: works for no other machine"),
        (replace(ROUTER, paused=True, trouble="the disk is full"), Look.PROBLEM, "The disk is full"),
    ],
)
def test_how_it_is(view: View, look: Look, status: str) -> None:
    assert (look_of(view), words.status_line(view, look)) == (look, status)


@pytest.mark.parametrize(
    ("health", "local", "trouble"),
    [
        (HEALTH, LOCAL, None),
        (HEALTH, {**LOCAL, "router": None}, "no router at the moment"),
        ({**HEALTH, "status": "starting"}, {**LOCAL, "router": None}, None),
        (
            {**HEALTH, "recording": "paused", "recording_reason": "disk_full"},
            LOCAL,
            "the history can't be written: disk_full",
        ),
    ],
)
def test_trouble(health: dict[str, Any], local: dict[str, Any], trouble: str | None) -> None:
    assert view_of(health, local, [], []).trouble == trouble


def test_the_tooltip_tells_what_it_does_now() -> None:
    assert words.tooltip(ROUTER, Look.ROUTER).endswith(" · 2 answers, 12 tokens/s")
    assert words.tooltip(ALONE, Look.ALONE) == "Corral: Ready · no model yet"


def found(items: tuple[Item, ...], text: str) -> Item:
    return next(each for each in items if each.text == text)


def test_the_menu_of_a_router() -> None:
    menu = menu_of(ROUTER, Look.ROUTER, at_login=False)
    assert (menu[0].text, menu[0].default, menu[0].order) == (words.OPEN, True, Order(Kind.OPEN))
    assert not menu[1].enabled
    machines = found(menu, words.MACHINES).children
    assert machines[0] == Item(text="Let lap in (code 123456)", order=Order(Kind.APPROVE, "r1"))
    assert [each.text for each in machines[2:]] == ["desk · router · this machine", "sofa · offline"]
    models = found(menu, words.MODELS).children
    assert [each.text for each in models] == ["big · ready", "bad · failed", "new"]
    assert [each.order for each in models] == [Order(Kind.UNLOAD, "big"), None, Order(Kind.LOAD, "new")]
    assert found(menu, words.PAUSE).order == Order(Kind.PAUSE)
    assert found(menu, words.AUTOSTART).checked is False
    assert [each.text for each in menu[-2:]] == [words.RESTART, words.QUIT]


def test_the_menu_of_one_that_starts_or_can_do_less() -> None:
    texts = {each.text for each in menu_of(View(), Look.STARTING, at_login=None)} - {SEPARATOR.text}
    assert texts == {words.OPEN, "Starting …", words.RESTART, words.QUIT}
    paused = menu_of(replace(ALONE, paused=True), Look.PAUSED, at_login=True)
    assert found(paused, words.PAUSE) == Item(text=words.PAUSE, order=Order(Kind.RESUME), checked=True)
    assert found(paused, words.AUTOSTART).order == Order(Kind.DONT_START_AT_LOGIN)
    assert found(paused, words.MODELS).children == (Item(text=words.NO_MODELS),)


def test_live_numbers_leave_the_menu_alone() -> None:
    """An open menu closes when it is replaced."""
    busy = replace(ROUTER, tokens_per_s=99.0, active=7)
    look = Look.ROUTER
    assert menu_of(busy, look, at_login=True) == menu_of(ROUTER, look, at_login=True)


NEWCOMER = JoinRequest(id="r2", name="tab", code="654321")


@pytest.mark.parametrize(
    ("before", "after", "titles"),
    [
        (View(), ROUTER, ["lap wants to join"]),
        (ROUTER, replace(ROUTER, requests=(*ROUTER.requests, NEWCOMER)), ["tab wants to join"]),
        (ROUTER, replace(ROUTER, requests=()), []),
        (ROUTER, replace(ROUTER, router="sofa"), ["Another router"]),
        (ROUTER, replace(ROUTER, router=None), []),
        (ALONE, replace(ALONE, models=(LocalModel(name="m", lifecycle="on_disk"),)), ["A model is here"]),
        (ALONE, replace(ALONE, models=(LocalModel(name="m", lifecycle="error", broken=True),)), []),
        (ALONE, replace(ALONE, joining_code="1", joining_cluster="home"), ["Asking to join home"]),
        (ALONE, replace(ALONE, machines=(Machine(id="x", name="x", role="y", online=True, this=False),)), []),
    ],
)
def test_what_people_are_told(before: View, after: View, titles: list[str]) -> None:
    assert [each.title for each in notices(before, after)] == titles


@pytest.mark.parametrize(
    ("text", "most", "line"), [("a\nb  c", 9, "a b c"), ("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…")]
)
def test_texts_fit(text: str, most: int, line: str) -> None:
    assert words.one_line(text, most) == line

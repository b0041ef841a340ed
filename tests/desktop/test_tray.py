"""The icon on a real panel, with each backend of Linux: seen, clicked, and gone without a trace."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.app.desktop.art import COLOURS
from corral.app.desktop.look import Look
from tests.desktop.desk import Desk
from tests.desktop.screen import Screen, wait_for

BACKENDS = ("xorg", "gtk", "appindicator")
WINDOW = (60, 60, 1200, 780)  # within the dashboard's window
COPY_KEY = ("Down", "Down", "Down")  # from the menu's top
PAUSE, AT_LOGIN, QUIT = ("Up",) * 4, ("Up",) * 3, ("Up",)  # from its bottom


@pytest.fixture(scope="module", params=BACKENDS)
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp(request.param)
    models = folder / "models"
    models.mkdir()
    screen = Screen(folder / "screen")
    try:
        running = Desk(screen, request.param, home=folder / "data", models=models)
        try:
            running.wait_until_ready()
            yield running
        finally:
            running.stop()
    finally:
        screen.close()


def shows(desk: Desk, look: Look) -> None:
    wait_for(lambda: desk.screen.shows(COLOURS[False][look]), what=f"the icon as {look.value}")


def test_the_icon_shows_how_it_is(desk: Desk) -> None:
    shows(desk, Look.ALONE)
    desk.local("PUT", "/v0/node/sharing", {"paused": True})
    wait_for(lambda: not desk.screen.shows(COLOURS[False][Look.ALONE]), what="another colour")
    shows(desk, Look.PAUSED)
    desk.local("PUT", "/v0/node/sharing", {"paused": False})
    shows(desk, Look.ALONE)


def test_it_opens_the_dashboard_signed_in(desk: Desk, shot: Path) -> None:
    if desk.backend == "appindicator":
        desk.choose("Down")
    else:
        desk.screen.click(times=2)
    if desk.has_menu:  # GTK is there, so there is a window
        wait_for(lambda: desk.screen.windows() == ["Corral"], what="the window")
        wait_for(lambda: desk.signed_in() == 1, what="somebody who signed in")
        wait_for(lambda: _has_content(desk), what="a page in the window")
        desk.screen.picture().save(shot / f"{desk.backend}-dashboard.png")
    else:  # and else the browser gets the link
        wait_for(lambda: "#one-time=" in _browsed(desk), what="the browser")


def test_a_second_start_shows_the_first_one(desk: Desk) -> None:
    if desk.has_menu:
        desk.screen.close_window("Corral")
        wait_for(lambda: desk.screen.windows() == [], what="the window's end")
    else:
        _browser_file(desk).unlink()
    second = desk.again()
    assert (second.returncode, second.stdout) == (0, "Corral runs already; its window is in front now.\n")
    if desk.has_menu:
        wait_for(lambda: desk.screen.windows() == ["Corral"], what="the window again")
    else:
        wait_for(lambda: "#one-time=" in _browsed(desk), what="the browser again")


def test_the_menu_does_what_it_says(desk: Desk, shot: Path) -> None:
    if not desk.has_menu:
        desk.screen.click(button=3)
        shows(desk, Look.ALONE)  # nothing opens, nothing breaks
        return
    desk.screen.close_window("Corral")
    wait_for(lambda: desk.screen.windows() == [], what="the window's end")
    desk.choose(*PAUSE)
    wait_for(lambda: desk.sharing() == "paused", what="the pause")
    shows(desk, Look.PAUSED)
    entry = desk.screen.folder / "config" / "autostart" / "corral.desktop"
    desk.choose(*AT_LOGIN)
    wait_for(entry.exists, what="the entry for the next login")
    desk.choose(*COPY_KEY)
    wait_for(lambda: desk.screen.clipboard().startswith("sk_"), what="a key in the clipboard")
    wait_for(lambda: desk.screen.notifications() > 0, what="a notification")
    desk.screen.picture().save(shot / f"{desk.backend}-notification.png")
    headers = {"authorization": f"Bearer {desk.screen.clipboard()}"}
    with desk.client() as http:
        assert http.get("/v1/models", headers=headers).status_code == 200
        assert http.get("/v0/users", headers=headers).status_code == 403
    assert (desk.home / "tray.key").stat().st_mode & 0o777 == 0o600


def test_it_ends_without_a_trace(desk: Desk) -> None:
    if desk.has_menu:
        desk.local("POST", "/v0/node/window")
        wait_for(lambda: desk.screen.windows() == ["Corral"], what="a window that is open when it ends")
        desk.choose(*QUIT)
    assert desk.ends(None if desk.has_menu else signal.SIGTERM) == 0
    wait_for(lambda: not desk.screen.shows(COLOURS[False][Look.ALONE]), what="the icon's end")
    assert desk.screen.windows() == []
    assert not (desk.home / "local.token").exists()


def test_signals_end_it_too(desk: Desk) -> None:
    desk.start_again()
    shows(desk, Look.ALONE)
    assert desk.ends(signal.SIGTERM if desk.has_menu else signal.SIGINT) == 0


def _has_content(desk: Desk) -> bool:
    """A page with text and pictures, and no empty one: many colours, and more than one of them often."""
    colours = desk.screen.picture(WINDOW).getcolors(2**20) or []
    return len(colours) > 100 and sum(count > 2_000 for count, _ in colours) >= 2


def _browser_file(desk: Desk) -> Path:
    return desk.screen.folder / "browsed"


def _browsed(desk: Desk) -> str:
    return _browser_file(desk).read_text() if _browser_file(desk).exists() else ""

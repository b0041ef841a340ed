"""The window's process, with small programs in the place of the toolkit."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corral.app.desktop.window import NO_DISPLAY, NO_TOOLKIT
from corral.app.desktop.window_process import Window

DEADLINE_S = 20.0
SHOWN = "print('SHOWN', flush=True)\n"
WRITES = f"""import sys
for line in sys.stdin:
    if line == "quit\\n":
        break
    open(sys.argv[1], "a").write(line)
    {SHOWN}"""


class Desk:
    """A window whose program is a few lines of Python, and a browser that remembers."""

    def __init__(self, folder: Path) -> None:
        self.heard = folder / "heard"
        self.browsed: list[str] = []
        self.said: list[str] = []
        self.minted = 0
        self.has_browser = True
        self.windows: list[Window] = []

    def window(self, program: str) -> Window:
        made = Window(
            url=self._url,
            storage=self.heard,
            say=self.said.append,
            browse=self._browse,
            command=(sys.executable, "-c", program),
        )
        self.windows.append(made)
        return made

    def lines(self) -> list[str]:
        return self.heard.read_text().splitlines() if self.heard.exists() else []

    def _url(self) -> str:
        self.minted += 1
        return f"http://x/{self.minted}"

    def _browse(self, url: str) -> bool:
        self.browsed.append(url)
        return self.has_browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    for each in made.windows:
        each.close()


def wait_for(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_it_is_opened_once_and_then_raised(desk: Desk) -> None:
    window = desk.window(WRITES)
    window.open()
    window.open()
    wait_for(lambda: desk.lines() == ["open http://x/1", "show"])
    assert desk.minted == 1 and desk.browsed == []
    window.close()
    window.open()
    assert len(desk.lines()) == 2  # closed for good


@pytest.mark.parametrize("status", [NO_TOOLKIT, NO_DISPLAY, 1])
def test_where_none_is_possible_the_browser_opens(desk: Desk, status: int) -> None:
    window = desk.window(f"import sys; sys.stdin.readline(); sys.exit({status})")
    window.open()
    wait_for(lambda: desk.browsed == ["http://x/2"])  # a new one: nobody knows what became of the first
    window.open()
    assert desk.browsed == ["http://x/2", "http://x/3"]
    assert desk.said == []


def test_without_a_browser_people_are_told_where_to_look(desk: Desk) -> None:
    desk.has_browser = False
    window = desk.window(f"import sys; sys.stdin.readline(); sys.exit({NO_TOOLKIT})")
    window.open()
    wait_for(lambda: len(desk.said) == 1)
    assert desk.browsed[0] in desk.said[0]


def test_one_that_was_shown_and_closed_opens_again(desk: Desk) -> None:
    program = "import sys; open(sys.argv[1], 'a').write(sys.stdin.readline()); " + SHOWN
    window = desk.window(program)
    window.open()
    wait_for(lambda: desk.lines() == ["open http://x/1"])

    def opened_again() -> bool:
        window.open()
        return len(desk.lines()) == 2

    wait_for(opened_again)
    assert desk.browsed == []


def test_one_that_hangs_is_ended(desk: Desk) -> None:
    hangs = f"import time; {SHOWN}time.sleep(600)"
    window = desk.window(hangs)
    window.open()
    window.close()

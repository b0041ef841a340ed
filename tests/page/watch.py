"""What no page may do: ask another origin for anything, break the content policy, throw, complain on the console."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

_ON_THE_NETWORK = ("http", "https", "ws", "wss")
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class PageWatch:
    """Watches every page of the contexts it is given; `check` fails the test if one did what it may not.

    A test that provokes an error says so before: `expect_status`, `expect_error`.
    """

    def __init__(self) -> None:
        self._wrong: list[str] = []
        self._statuses = {("GET /v0/auth/me", 401)}  # how the page learns that nobody is signed in
        self._any_status: set[int] = set()
        self._errors: list[re.Pattern[str]] = []

    def expect_status(self, *statuses: int) -> None:
        """The node will refuse something with one of these."""
        self._any_status.update(statuses)

    def expect_error(self, pattern: str) -> None:
        """A complaint that matches this regular expression is none, such as `net::ERR_CONNECTION_REFUSED`."""
        self._errors.append(re.compile(pattern))

    def observe(self, context: BrowserContext, origin: str) -> None:
        """Begin. `origin` is the only one that the pages may ask."""
        allowed = urlsplit(origin).netloc

        def request(asked: Request) -> None:
            url = urlsplit(asked.url)
            if url.scheme in _ON_THE_NETWORK and url.netloc != allowed:
                self._wrong.append(f"asked another origin: {asked.method} {asked.url}")

        context.on("request", request)
        context.on("console", self._console)
        context.on("weberror", self._thrown)

    def check(self) -> None:
        """Fail, naming all that was wrong."""
        wrong = [each for each in self._wrong if not any(error.search(each) for error in self._errors)]
        if wrong:
            pytest.fail("the page did what no page may do:\n  " + "\n  ".join(wrong), pytrace=False)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        where = message.location["url"]
        refused = _STATUS.search(message.text)
        if refused is not None:
            status = int(refused[1])
            asked = f"GET {urlsplit(where).path}"
            if status in self._any_status or (asked, status) in self._statuses:
                return
        self._wrong.append(f"complained: {message.text} ({where})")

    def _thrown(self, error: WebError) -> None:
        self._wrong.append(f"threw: {error.error.stack or error.error.message}")

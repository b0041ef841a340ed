"""Pages opened in the browser as a person would: signed in or not, on a desk or in the hand, by day or by night."""

from dataclasses import dataclass
from typing import Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from corral.app.gateway.auth import SESSION_COOKIE
from tests.acceptance.node import Node
from tests.page.watch import PageWatch

DESK = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in."""

    username: str
    password: str


class Visits:
    """Opens pages, each in a browser context of its own; `end` closes them all."""

    def __init__(self, browser: Browser, node: Node, watch: PageWatch) -> None:
        self._browser = browser
        self._node = node
        self._watch = watch
        self._contexts: list[BrowserContext] = []

    def begin(
        self,
        person: Person | None = None,
        *,
        size: ViewportSize = DESK,
        scheme: Scheme = "light",
        node: Node | None = None,
    ) -> Page:
        """An empty page, for which `page.goto("/dashboard")` is on the node; signed in if there is a `person`.

        Nothing moves on it (`prefers-reduced-motion`), so that a screenshot shows how it ends.
        """
        node = node or self._node
        context = self._browser.new_context(
            base_url=node.url,
            viewport=size,
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._contexts.append(context)
        self._watch.observe(context, node.url)
        if person is not None:
            sign_in(context, node, person)
        return context.new_page()

    def end(self) -> None:
        """Close what was opened."""
        while self._contexts:
            self._contexts.pop().close()


def sign_in(context: BrowserContext, node: Node, person: Person) -> None:
    """By the API, for tests that are not about the sign-in page."""
    credentials = {"username": person.username, "password": person.password}
    answer = httpx.post(f"{node.url}/v0/auth/login", json=credentials, timeout=30)
    answer.raise_for_status()
    context.add_cookies(
        [
            {
                "name": SESSION_COOKIE,
                "value": answer.cookies[SESSION_COOKIE],
                "url": node.url,
                "httpOnly": True,
                "sameSite": "Strict",
            }
        ]
    )

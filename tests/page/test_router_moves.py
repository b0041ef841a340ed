"""A page on the front door of one machine of a real cluster, while another one, the router, dies.

The browser runs on a host of the LAN that has no Corral, as that of somebody who only uses the cluster.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cluster.conftest import cluster_of
from tests.cluster.lan import Lan
from tests.cluster.machine import PORT, Machine, one_router
from tests.page.chromium import arguments, executable
from tests.page.conftest import ADMIN, Shot
from tests.page.visits import DESK
from tests.page.watch import PageWatch

Axe = Callable[..., None]


@pytest.fixture
def two(tmp_path: Path, built_page: None) -> Iterator[tuple[Machine, Machine]]:
    """The router, and the other one."""
    with cluster_of(2, tmp_path, models=tmp_path, with_models=0) as machines:
        router = one_router(*machines)
        machines.sort(key=lambda each: each.name != router)
        yield machines[0], machines[1]


@contextmanager
def browser_on(host: str, lan: Lan, browser: Browser, folder: Path) -> Iterator[Browser]:
    """Another one like `browser`, which is told what to do through pipes and sees only what that host sees."""
    program = folder / "chromium-there"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {lan.namespace(host)} {executable()} "$@"\n')
    program.chmod(0o755)
    running = browser.browser_type.launch(executable_path=program, args=arguments())
    try:
        yield running
    finally:
        running.close()


def context_of(browser: Browser, origin: str) -> BrowserContext:
    return browser.new_context(
        base_url=origin, viewport=DESK, reduced_motion="reduce", locale="en-GB", timezone_id="UTC"
    )


def listen_to_connection(page: Page) -> None:
    """Keep all that the page says of its connection, however short."""
    page.evaluate(
        """() => {
            const said = document.querySelector("header [role=status]");
            window.saidOfConnection = [said.textContent.trim()];
            new MutationObserver(() => window.saidOfConnection.push(said.textContent.trim()))
                .observe(said, {childList: true, characterData: true, subtree: true});
        }"""
    )


def test_a_page_goes_on_at_the_new_router(
    two: tuple[Machine, Machine],
    browser: Browser,
    watch: PageWatch,
    tmp_path: Path,
    axe: Axe,
    shot: Shot,
) -> None:
    router, other = two
    watch.expect_error("net::ERR_")
    watch.expect_status(502, 503)
    admin = {"username": "mila", "password": ADMIN.password, "role": "admin"}
    router.ask("POST", "/v0/users", admin).raise_for_status()
    origin = f"http://{other.lan.address(other.host)}:{PORT}"
    with browser_on(other.lan.hosts[-1], other.lan, browser, tmp_path) as there:
        context = context_of(there, origin)
        watch.observe(context, origin)
        page = context.new_page()
        page.goto("/dashboard")
        page.get_by_label("User name").fill("mila")
        page.get_by_label("Password", exact=True).fill(ADMIN.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        picture = page.get_by_role("group", name=re.compile("machines of the cluster"))
        expect(picture.get_by_role("link", name=re.compile(f"^{router.name}, Router"))).to_be_visible()
        connection = page.get_by_role("banner").get_by_role("status")
        expect(connection).to_have_text("Live")
        listen_to_connection(page)

        router.kill()
        now = picture.get_by_role("link", name=re.compile(f"^{other.name}, Router"))
        expect(now).to_be_visible()
        expect(connection).to_have_text("Live")
        said = page.evaluate("window.saidOfConnection")
        assert said[0] == said[-1] == "Live"
        assert {"Waiting for the router", "Reconnecting"} & set(said), said
        expect(picture.get_by_role("link", name=re.compile(f"^{router.name},.*Offline"))).to_be_visible()
        axe(page)
        shot(page, "overview-router-moved")
        page.get_by_role("link", name="Machines", exact=True).first.click()
        expect(page.get_by_role("row").filter(has_text=other.name)).to_contain_text("Router")
        page.close()
    watch.check()

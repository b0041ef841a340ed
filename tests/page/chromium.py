"""Debian's Chromium, driven by Playwright. Playwright's own browsers are never downloaded."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser")
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AS_ROOT = ("--no-sandbox",)


def executable() -> str:
    """Where Chromium is. Fails the test, saying what to install, where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)
    if found is None:
        pytest.fail("The page tests need Chromium (Debian: apt install chromium).", pytrace=False)
    return found


def arguments() -> list[str]:
    """What it is started with."""
    return [*_ARGUMENTS, *(_AS_ROOT if os.geteuid() == 0 else ())]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless one. Its driver's event loop runs in this thread, so that no test beside it can be async."""
    with ThreadPoolExecutor(max_workers=1) as files, sync_playwright() as playwright:
        files.submit(executable).result()  # begins its thread now, and not in some test that saves a file
        asyncio.get_running_loop().set_default_executor(files)
        browser = playwright.chromium.launch(executable_path=executable(), args=arguments())
        try:
            yield browser
        finally:
            browser.close()

"""One node and one browser for all page tests, and pages that fail the test if they do what no page may do.

Node and browser live as long as this package's tests, so they are there before the guards around each module look.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.node import Node
from tests.engines.echo_files import write_echo
from tests.page.accessibility import check_accessibility
from tests.page.chromium import running_browser
from tests.page.visits import PHONE, Person, Visits
from tests.page.watch import PageWatch

ADMIN = Person(username="admin", password="counts every sheep")
VIEWER = Person(username="vera", password="only looks at sheep")
STARTER = "smollm2-135m-instruct"
PARROT = "parrot"  # answers with the question's words, at once
SLOW_PARROT = "slow-parrot"  # the same with 5 words a second: to be stopped

_PATIENCE_MS = 15_000
_PAGE_BUILD = Path(__file__).parents[2] / "packaging" / "page_build.py"

Shot = Callable[..., Path]


@pytest.fixture(scope="package")
def models_folder(tmp_path_factory: pytest.TempPathFactory, starter_model: Path) -> Path:
    """The node's: the starter model and two echoes."""
    folder = tmp_path_factory.mktemp("page-models")
    (folder / starter_model.name).symlink_to(starter_model)
    write_echo(folder, PARROT)
    write_echo(folder, SLOW_PARROT, tokens_per_s=5.0)
    return folder


@pytest.fixture(scope="package")
def built_page() -> None:
    """The page of the sources as they are now."""
    finished = subprocess.run([sys.executable, _PAGE_BUILD], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory, models_folder: Path, built_page: None) -> Iterator[Node]:
    """A real one with an administrator and a viewer. Who changes it changes it back."""
    folder = tmp_path_factory.mktemp("page-node") / "data"
    running = Node(folder, models=models_folder, settings={"CORRAL_ADMIN_PASSWORD": ADMIN.password})
    try:
        running.wait_until_ready()
        with running.client() as http:
            viewer = {"username": VIEWER.username, "password": VIEWER.password, "role": "viewer"}
            http.post("/v0/users", json=viewer).raise_for_status()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=_PATIENCE_MS)
    with running_browser() as running:
        yield running


@pytest.fixture(scope="package", autouse=True)
def _there_before_the_guards(node: Node, browser: Browser) -> None:
    """Also where a module's first test asks for neither."""


@pytest.fixture
def watch() -> PageWatch:
    """Of all pages of the test."""
    return PageWatch()


@pytest.fixture
def visits(browser: Browser, node: Node, watch: PageWatch) -> Iterator[Visits]:
    """Opens any page; those below are the usual ones."""
    opened = Visits(browser, node, watch)
    try:
        yield opened
    finally:
        opened.end()
    watch.check()


@pytest.fixture
def page(visits: Visits) -> Page:
    """Signed in as administrator."""
    return visits.begin(ADMIN)


@pytest.fixture
def dark_page(visits: Visits) -> Page:
    return visits.begin(ADMIN, scheme="dark")


@pytest.fixture
def phone_page(visits: Visits) -> Page:
    return visits.begin(ADMIN, size=PHONE)


@pytest.fixture
def dark_phone_page(visits: Visits) -> Page:
    return visits.begin(ADMIN, size=PHONE, scheme="dark")


@pytest.fixture
def viewer_page(visits: Visits) -> Page:
    """Signed in as somebody who may only look."""
    return visits.begin(VIEWER)


@pytest.fixture
def anonymous_page(visits: Visits) -> Page:
    """Signed in as nobody."""
    return visits.begin()


@pytest.fixture
def axe() -> Callable[..., None]:
    """Fails the test if axe finds anything serious on the page as it is now."""
    return check_accessibility


@pytest.fixture(scope="package")
def shots_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: CORRAL_SCREENSHOTS, or pytest's temporary folder."""
    named = os.environ.get("CORRAL_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def shot(shots_folder: Path) -> Shot:
    """`shot(page, "models-loading")` keeps a picture of the whole page, `full_page=False` of what is in view."""

    def take(page: Page, name: str, *, full_page: bool = True) -> Path:
        assert re.fullmatch(r"[a-z0-9-]+", name), name
        path = shots_folder / f"{name}.png"
        page.screenshot(path=path, full_page=full_page, animations="disabled", caret="hide")
        return path

    return take

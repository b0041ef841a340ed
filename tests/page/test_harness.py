"""The watch and axe see what they are there for, on pages made to be wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.openai_server import openai_server
from tests.page.accessibility import check_accessibility
from tests.page.background import in_background
from tests.page.conftest import ADMIN, Shot
from tests.page.visits import Visits
from tests.page.watch import PageWatch

PAGE = "<!doctype html><html lang=en><title>t</title><main><h1>t</h1>{}</main>"
Headers = Mapping[str, str]
POLICY: Headers = {"content-security-policy": "default-src 'self'"}


def shows(page: Page, body: str, headers: Headers | None = None) -> None:
    """Answer `/made` with this body, and go there."""
    page.route(
        "**/made",
        lambda route: route.fulfill(
            body=PAGE.format(body), headers={"content-type": "text/html", **(headers or {})}
        ),
    )
    page.goto("/made")


def complaint(
    watch: PageWatch,
    page: Page,
    event: Literal["console", "pageerror"],
    body: str,
    policy: Headers | None = None,
) -> str:
    """What the watch says of a page with this body; the test goes on as if it had said nothing."""
    with page.expect_event(event):
        shows(page, body, policy)
    with pytest.raises(pytest.fail.Exception) as failure:
        watch.check()
    watch.expect_error("")
    return str(failure.value)


def test_another_origin(watch: PageWatch, anonymous_page: Page) -> None:
    with in_background(openai_server()) as elsewhere:
        picture = f'<img alt=x src="{elsewhere.base_url}/health" onerror="console.log(1)">'
        text = complaint(watch, anonymous_page, "console", picture)
        assert f"asked another origin: GET {elsewhere.base_url}/health" in text


def test_a_thrown_error(watch: PageWatch, anonymous_page: Page) -> None:
    script = "<script>throw new Error('lost sheep')</script>"
    assert "threw: Error: lost sheep" in complaint(watch, anonymous_page, "pageerror", script)


def test_a_broken_content_policy(watch: PageWatch, anonymous_page: Page) -> None:
    script = "<script>document.title = 'in'</script>"
    assert "Content Security Policy" in complaint(watch, anonymous_page, "console", script, POLICY)


def test_a_refused_request(watch: PageWatch, anonymous_page: Page) -> None:
    text = complaint(watch, anonymous_page, "console", "<script>fetch('/v0/users')</script>")
    assert "status of 401" in text and "/v0/users" in text


def test_what_is_expected_is_no_complaint(watch: PageWatch, anonymous_page: Page) -> None:
    watch.expect_status(401)
    shows(anonymous_page, "<script>fetch('/v0/users').then(() => document.title = 'refused')</script>")
    expect(anonymous_page).to_have_title("refused")
    watch.check()


def test_axe_under_a_strict_policy(anonymous_page: Page) -> None:
    shows(anonymous_page, "<p>fine</p>", POLICY)
    check_accessibility(anonymous_page)
    shows(anonymous_page, "<button></button>", POLICY)
    with pytest.raises(pytest.fail.Exception, match=r"critical: .*\(button-name\)"):
        check_accessibility(anonymous_page)


def test_signed_in_without_the_sign_in_page(visits: Visits) -> None:
    page = visits.begin(ADMIN)
    answer = page.request.get("/v0/auth/me")
    assert answer.json()["user"]["username"] == ADMIN.username


def test_a_picture_is_kept(anonymous_page: Page, shot: Shot, shots_folder: Path) -> None:
    shows(anonymous_page, "<p>fine</p>")
    assert shot(anonymous_page, "harness").read_bytes().startswith(b"\x89PNG")
    assert (shots_folder / "harness.png").exists()

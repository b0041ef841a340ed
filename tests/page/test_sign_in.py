"""Coming in and going out: password, invitation, one-time link, and a session that ends in the middle of work."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.node import Node
from tests.page.conftest import ADMIN, VIEWER, Shot
from tests.page.visits import PHONE, Person, Visits, sign_in
from tests.page.watch import PageWatch

Axe = Callable[[Page], None]


def fill_in(page: Page, person: Person) -> None:
    page.get_by_label("User name").fill(person.username)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_leads_to_where_one_wanted_to_be(anonymous_page: Page, axe: Axe, shot: Shot) -> None:
    page = anonymous_page
    page.goto("/dashboard/history?status=error")
    expect(page).to_have_title("Sign in · Corral")
    expect(page.get_by_label("User name")).to_be_focused()
    axe(page)
    shot(page, "sign-in-light", full_page=False)
    fill_in(page, ADMIN)
    expect(page).to_have_url(re.compile(r"/dashboard/history\?status=error$"))
    expect(page.get_by_role("button", name="Signed in as admin")).to_be_visible()


def test_a_wrong_password_keeps_what_was_typed(
    visits: Visits, watch: PageWatch, axe: Axe, shot: Shot
) -> None:
    watch.expect_status(401)
    page = visits.begin(size=PHONE, scheme="dark")
    page.goto("/dashboard/sign-in")
    fill_in(page, Person(username=VIEWER.username, password="not hers at all"))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value(VIEWER.username)
    page.get_by_text("Password lost?").click()
    expect(page.get_by_text("corral users passwd NAME")).to_be_visible()
    axe(page)
    shot(page, "sign-in-wrong-phone-dark", full_page=False)
    page.get_by_label("Password", exact=True).fill(VIEWER.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/dashboard$"))


def test_signing_out(visits: Visits) -> None:
    page = visits.begin(VIEWER)
    page.goto("/dashboard")
    page.get_by_role("button", name="Signed in as vera").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_title("Sign in · Corral")
    page.goto("/dashboard/models")
    expect(page).to_have_title("Sign in · Corral")


def test_a_session_that_ends_costs_nothing_typed(
    visits: Visits, node: Node, watch: PageWatch, axe: Axe
) -> None:
    watch.expect_status(401)
    page = visits.begin(ADMIN)
    page.goto("/dashboard/no-such-page")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.evaluate("window.kept = true")
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    with httpx.Client(base_url=node.url, cookies=cookies) as elsewhere:
        token = elsewhere.get("/v0/auth/me").json()["csrf_token"]
        elsewhere.post("/v0/auth/logout", headers={"x-csrf-token": token}).raise_for_status()
    dialog = page.get_by_role("dialog", name="Sign in again")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(dialog).to_be_visible(timeout=30_000)
    axe(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password").fill(ADMIN.password)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("banner").get_by_role("status")).to_have_text("Live")
    assert page.evaluate("window.kept") is True


def test_another_window_signed_in_anew(visits: Visits, node: Node, watch: PageWatch) -> None:
    """The cookie is the browser's, the token against forgery each window's: a write gets it anew."""
    watch.expect_status(403)
    page = visits.begin(VIEWER)
    page.goto("/dashboard")
    expect(page.get_by_role("banner").get_by_role("status")).to_have_text("Live")
    sign_in(page.context, node, VIEWER)
    page.get_by_role("button", name="Signed in as vera").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_title("Sign in · Corral")


@pytest.fixture
def invitation(node: Node) -> str:
    with node.client() as http:
        made = http.post("/v0/invitations", json={})
        made.raise_for_status()
        code: str = made.json()["code"]
        return code


def test_registering_with_an_invitation(
    anonymous_page: Page, node: Node, invitation: str, watch: PageWatch, axe: Axe, shot: Shot
) -> None:
    watch.expect_status(400, 409)
    page = anonymous_page
    page.goto(f"/dashboard/register?code={invitation}")
    expect(page.get_by_label("Invitation")).to_have_value(invitation)
    page.get_by_label("User name").fill(VIEWER.username)
    page.get_by_label("Password", exact=True).fill("grazes all night")
    page.get_by_label("Password, again").fill("grazes all")
    expect(page.get_by_text("The two passwords differ.")).to_be_visible()
    axe(page)
    shot(page, "register-light", full_page=False)
    page.get_by_label("Password, again").fill("grazes all night")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text(VIEWER.username)
    page.get_by_label("User name").fill("nora")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("button", name="Signed in as nora")).to_be_visible()
    with node.client() as http:
        (nora,) = [each for each in http.get("/v0/users").json()["users"] if each["username"] == "nora"]
        http.delete(f"/v0/users/{nora['id']}").raise_for_status()


def test_a_link_signs_in_once(visits: Visits, node: Node, watch: PageWatch) -> None:
    watch.expect_status(401)
    local = {"authorization": f"Bearer {(node.home / 'local.token').read_text()}"}
    token = httpx.post(f"{node.url}/v0/auth/one-time-tokens", headers=local).json()["token"]
    page = visits.begin()
    page.goto(f"/dashboard/models#one-time={token}")
    expect(page.get_by_role("button", name="Signed in as admin")).to_be_visible()
    assert page.url.endswith("/dashboard/models")
    assert token not in page.evaluate("JSON.stringify([location.href, history.state])")
    late = visits.begin()
    late.goto(f"/dashboard#one-time={token}")
    expect(late.get_by_text("signs in once only")).to_be_visible()

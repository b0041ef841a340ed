"""The page Access: keys that programs use, people, invitations, one's own password."""

import re
import time
from collections.abc import Callable, Iterator

import httpx
import openai
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.node import Node
from tests.page.conftest import PARROT, Shot
from tests.page.rows import choose
from tests.page.visits import PHONE, Person, Visits
from tests.page.watch import PageWatch

SOON_S = 10.0
KEY = re.compile(r"sk_[A-Za-z0-9]{32}")
Axe = Callable[[Page], None]


@pytest.fixture
def tidy(node: Node) -> Iterator[None]:
    """Removes the users, keys and invitations that the test made."""

    def all_ids(http: httpx.Client) -> set[str]:
        return {
            f"/v0/{path}/{each['id']}"
            for path, name in (("users", "users"), ("api-keys", "api_keys"), ("invitations", "invitations"))
            for each in http.get(f"/v0/{path}").json()[name]
        }

    with node.client() as http:
        before = all_ids(http)
        yield
        for path in all_ids(http) - before:
            http.delete(path)


def row(page: Page, words: str) -> Locator:
    return page.get_by_role("row").filter(has_text=words)


def answer_with(node: Node, key: str) -> str | None:
    with openai.OpenAI(base_url=f"{node.url}/v1", api_key=key, max_retries=0) as client:
        done = client.chat.completions.create(model=PARROT, messages=[{"role": "user", "content": "baa baa"}])
    return done.choices[0].message.content


@pytest.mark.usefixtures("tidy")
def test_a_key_is_made_used_and_revoked(page: Page, node: Node, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard/access")
    page.get_by_role("button", name="New API key").click()
    page.get_by_label("Name").fill("Shepherd's robot")
    axe(page)
    shot(page, "access-key-dialog", full_page=False)
    page.get_by_role("button", name="Make the key").click()
    shown = page.get_by_role("region", name="API key", exact=True)
    key = shown.inner_text().strip()
    assert KEY.fullmatch(key)
    page.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    axe(page)
    shot(page, "access-key-shown", full_page=False)
    page.keyboard.press("Escape")
    expect(shown).to_be_visible()  # it can't be lost by a slip
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_text(key)).to_have_count(0)

    assert answer_with(node, key) == "baa baa"
    refused = httpx.get(f"{node.url}/v0/users", headers={"x-api-key": key})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")
    page.reload()
    expect(row(page, "Shepherd's robot")).to_contain_text(key[:8])
    expect(row(page, "Shepherd's robot")).to_contain_text("use models")

    choose(page, "Shepherd's robot", "Revoke")
    expect(page.get_by_role("dialog")).to_contain_text("within a second, on every machine")
    page.get_by_role("button", name="Revoke the key").click()
    expect(row(page, "Shepherd's robot")).to_have_count(0)
    deadline = time.monotonic() + SOON_S
    with pytest.raises(openai.AuthenticationError):
        while time.monotonic() < deadline:
            answer_with(node, key)
    page.get_by_label("Show revoked and expired ones").check()
    expect(row(page, "Shepherd's robot")).to_contain_text("Revoked")


@pytest.mark.usefixtures("tidy")
def test_scopes_expiry_and_limits_of_a_key(page: Page, node: Node) -> None:
    page.goto("/dashboard/access?tab=keys")
    page.get_by_role("button", name="New API key").click()
    page.get_by_label("Name").fill("Meadow watch")
    page.get_by_label("Use the models").uncheck()
    page.get_by_role("dialog").get_by_text("Limits", exact=True).click()
    page.get_by_label("Tokens per day").fill("many")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("dialog")).to_contain_text("Choose at least one.")
    expect(page.get_by_role("dialog")).to_contain_text("A whole number from 1 on, or nothing.")
    expect(page.get_by_label("Name")).to_have_value("Meadow watch")
    page.get_by_label("Manage endpoints").check()
    page.get_by_label("Valid").select_option("90")
    page.get_by_label("Tokens per day").fill("1000000")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="I have copied it").click()
    watch = row(page, "Meadow watch")
    expect(watch).to_contain_text("manage endpoints")
    expect(watch).to_contain_text("1,000,000 tokens/day")

    choose(page, "Meadow watch", "Change")
    expect(page.get_by_label("Tokens per day")).to_have_value("1000000")
    page.get_by_label("Tokens per day").fill("")
    page.get_by_label("Valid").select_option("never")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with node.client() as http:
        keys = {each["name"]: each for each in http.get("/v0/api-keys").json()["api_keys"]}
        http.post("/v0/api-keys", json={"name": "Made elsewhere", "scopes": ["api"]}).raise_for_status()
    expect(row(page, "Made elsewhere")).to_be_visible()
    changed = keys["Meadow watch"]
    assert (changed["scopes"], changed["expires_at"], changed["tokens_per_day"]) == (
        ["endpoints"],
        None,
        None,
    )


def signs_in(node: Node, username: str, password: str) -> bool:
    body = {"username": username, "password": password}
    return httpx.post(f"{node.url}/v0/auth/login", json=body, timeout=30).status_code == 200


@pytest.mark.usefixtures("tidy")
def test_users_are_added_changed_and_removed(
    page: Page, node: Node, watch: PageWatch, axe: Axe, shot: Shot
) -> None:
    watch.expect_status(400)
    page.goto("/dashboard/access?tab=users")
    page.get_by_role("button", name="Add a user").click()
    page.get_by_label("User name").fill("dolly")
    page.get_by_label("I type one").check()
    page.get_by_label("Password", exact=True).last.fill("short")
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_role("alert")).to_contain_text("password")
    expect(page.get_by_label("User name")).to_have_value("dolly")
    axe(page)
    shot(page, "access-user-dialog", full_page=False)
    page.get_by_label("Make one for me").check()
    page.get_by_role("button", name="Add the user").click()
    password = page.get_by_role("region", name="Password").inner_text().strip()
    page.get_by_role("button", name="I have copied it").click()
    assert signs_in(node, "dolly", password)

    choose(page, "dolly", "Set a new password")
    page.get_by_role("button", name="Set the password").click()
    newer = page.get_by_role("region", name="Password").inner_text().strip()
    page.get_by_role("button", name="I have copied it").click()
    assert newer != password and not signs_in(node, "dolly", password) and signs_in(node, "dolly", newer)

    choose(page, "dolly", "Change name or role")
    page.get_by_label("Role").select_option("admin")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(row(page, "dolly")).to_contain_text("Administrator")
    choose(page, "dolly", "Remove")
    page.get_by_role("button", name="Remove the user").click()
    expect(row(page, "dolly")).to_have_count(0)

    choose(page, "admin", "Remove")
    expect(page.get_by_role("dialog")).to_contain_text("This is you")
    page.get_by_role("button", name="Remove the user").click()
    expect(page.get_by_role("alert")).to_contain_text("this is the last administrator")
    page.get_by_role("button", name="Cancel").click()
    expect(row(page, "admin")).to_be_visible()


@pytest.mark.usefixtures("tidy")
def test_somebody_who_is_invited_sees_what_viewers_see(page: Page, visits: Visits, axe: Axe) -> None:
    page.goto("/dashboard/access?tab=invitations")
    page.get_by_role("button", name="Invite somebody").click()
    link = page.get_by_role("region", name="Link").inner_text().strip()
    code = page.get_by_role("region", name="Code").inner_text().strip()
    assert link.endswith(f"/dashboard/register?code={code}")
    axe(page)
    page.get_by_role("button", name="I have copied it").click()
    expect(row(page, code[:8])).to_contain_text("Open")

    guest = visits.begin(size=PHONE)
    guest.goto(link)
    expect(guest.get_by_label("Invitation")).to_have_value(code)
    guest.get_by_label("User name").fill("polly")
    guest.get_by_label("Password", exact=True).fill("puts the kettle on")
    guest.get_by_label("Password, again").fill("puts the kettle on")
    guest.get_by_role("button", name="Register").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Overview")
    guest.goto("/dashboard/access")
    expect(guest.get_by_role("heading", name="Change your password")).to_be_visible()
    expect(guest.get_by_role("tab")).to_have_count(0)
    axe(guest)
    guest.goto("/dashboard/settings")
    expect(guest.get_by_text("This page is for administrators")).to_be_visible()

    page.reload()
    expect(row(page, code[:8])).to_contain_text("by polly")
    row(page, code[:8]).get_by_role("button", name="Take off the list").click()
    page.get_by_role("button", name="Take it off").click()
    expect(row(page, code[:8])).to_have_count(0)


@pytest.mark.usefixtures("tidy")
def test_a_changed_password_ends_the_other_sessions(
    visits: Visits, node: Node, watch: PageWatch, shot: Shot, axe: Axe
) -> None:
    molly = Person(username="molly", password="counts her lambs")
    with node.client() as http:
        body = {"username": molly.username, "password": molly.password}
        http.post("/v0/users", json=body).raise_for_status()
    watch.expect_status(401)
    here, there = visits.begin(molly), visits.begin(molly)
    there.goto("/dashboard/access")
    here.goto("/dashboard/access?tab=password")
    here.get_by_label("Current password").fill("wrong")
    here.get_by_label("New password", exact=True).fill("counts all lambs")
    here.get_by_label("New password, again").fill("counts all lambs")
    here.get_by_role("button", name="Change the password").click()
    expect(here.get_by_role("alert")).to_contain_text("password is wrong")
    axe(here)
    shot(here, "access-account")
    here.get_by_label("Current password").fill(molly.password)
    here.get_by_role("button", name="Change the password").click()
    expect(here.get_by_text("Your password is changed.")).to_be_visible()
    here.reload()
    expect(here.get_by_role("heading", level=1)).to_have_text("Access")
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Sign in")

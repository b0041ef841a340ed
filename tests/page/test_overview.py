"""The overview with real numbers after real requests, connecting a client, and the picture of many machines."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from playwright.sync_api import FloatRect, Page, Route, expect

from tests.acceptance.node import Node
from tests.page.conftest import ADMIN, PARROT, Shot
from tests.page.visits import DESK, PHONE, Visits

Axe = Callable[..., None]
READER = Path(__file__).parents[2] / "webui" / "node_modules" / "jsqr" / "dist" / "jsQR.js"


def ask(node: Node, model: str, words: str = "hello sheep") -> int:
    with node.client() as http:
        body = {"model": model, "messages": [{"role": "user", "content": words}]}
        return http.post("/v1/chat/completions", json=body).status_code


def numbers(node: Node) -> dict[str, Any]:
    with node.client() as http:
        stats: dict[str, Any] = http.get("/v0/dashboard/stats").json()
        return stats


def card(page: Page, label: str) -> Any:
    return page.get_by_role("group", name="Numbers of the cluster").locator(".stat").filter(has_text=label)


def test_cards_and_chart_follow_real_requests(page: Page, node: Node, axe: Axe, shot: Shot) -> None:
    page.goto("/dashboard")
    before = numbers(node)["last_day"]["requests"]
    expect(card(page, "Requests, 24 h").locator(".value")).to_have_text(str(before))
    assert [ask(node, PARROT), ask(node, PARROT), ask(node, "no-such-model")] == [200, 200, 404]
    expect(card(page, "Requests, 24 h").locator(".value")).to_have_text(str(before + 3))
    expect(card(page, "Machines").locator(".value")).to_have_text("1")
    stats = numbers(node)
    expect(card(page, "Models").locator(".value")).to_have_text(str(stats["models"]))
    expect(card(page, "Success rate")).to_contain_text(f"{stats['last_day']['refused']} refused, not counted")

    newest = page.get_by_role("link").filter(has_text="no-such-model").first
    expect(newest).to_contain_text("refused: model_not_found")
    with node.client() as http:
        name = http.get("/v0/system").json()["node"]
    expect(page.get_by_role("link").filter(has_text=f"answered by {name}").first).to_contain_text(PARROT)

    chart = page.get_by_role("img", name="Requests per minute in the last hour")
    expect(chart.locator("canvas")).to_be_visible()
    page.get_by_role("button", name="Show as a table").click()
    table = page.get_by_role("region", name="Requests per minute in the last hour")
    expect(table.get_by_role("row")).to_have_count(61)
    counted = sum(int(each) for each in table.locator("tbody tr td:nth-child(2)").all_inner_texts())
    assert counted == stats["last_hour"]["requests"]
    axe(page)
    shot(page, "overview")


def test_the_picture_leads_to_the_machine(page: Page, node: Node) -> None:
    page.goto("/dashboard")
    with node.client() as http:
        name = http.get("/v0/system").json()["node"]
    machine = page.get_by_role("group", name=re.compile("machines of the cluster")).get_by_role(
        "link", name=re.compile(f"^{re.escape(name)}, Router, this machine, Online")
    )
    machine.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("heading", name="Loaded models")).to_be_visible()


def test_a_client_is_connected(page: Page, node: Node, shot: Shot) -> None:
    """Make a key and let the page try it in one step, use it with the official client, copy what is shown."""
    page.goto("/dashboard")
    page.get_by_label("3. Model").select_option(PARROT)
    page.get_by_label("Name of the client").fill("Mila's travelling notebook")
    expect(page.get_by_text("Makes the key “Mila's travelling notebook”")).to_be_visible()
    page.get_by_role("button", name="Make a key and test").click()
    tried = page.get_by_role("status").filter(has_text="It works")
    with node.client() as http:
        name = http.get("/v0/system").json()["node"]
    expect(tried).to_contain_text(f"answered by {name}")
    expect(tried).to_contain_text("Say hello in five words.")
    expect(page.get_by_role("button", name="Test it now")).to_be_enabled()
    page.evaluate("scrollTo(0, 0)")
    shot(page, "overview-connected")
    shown = page.get_by_role("region", name="The new API key")
    expect(shown).to_have_text(re.compile(r"^sk_[A-Za-z0-9]{32}$"))
    key = shown.inner_text()

    code = page.get_by_role("region", name="Set-up for curl")
    for text in (key, PARROT, f"{node.url}/v1/chat/completions"):
        expect(code).to_contain_text(text)
    ran = subprocess.run(["bash", "-c", code.inner_text()], capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout)["choices"][0]["message"]["content"] == "Hello!"
    page.get_by_role("tab", name="Python").click()
    expect(page.get_by_role("region", name="Set-up for Python")).to_contain_text(f'base_url="{node.url}/v1",')
    page.get_by_role("button", name="Copy", exact=True).last.click()
    program = page.evaluate("navigator.clipboard.readText()")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    assert ran.stdout.strip() == b"Hello!"

    client = openai.OpenAI(base_url=f"{node.url}/v1", api_key=key)
    with client:
        answer = client.chat.completions.create(
            model=PARROT, messages=[{"role": "user", "content": "hello from outside"}]
        )
    assert answer.choices[0].message.content == "hello from outside"
    with node.client() as http:
        (made,) = [
            each
            for each in http.get("/v0/api-keys").json()["api_keys"]
            if each["name"] == "Mila's travelling notebook"
        ]
        assert made["scopes"] == ["api"]
        http.delete(f"/v0/api-keys/{made['id']}").raise_for_status()


def test_one_address_is_the_obvious_one(page: Page, shot: Shot) -> None:
    """The others are there too; phones get a code, read here by a real decoder from what the browser draws."""
    by_name, by_number = "http://corral.local:32768", "http://192.168.7.20:32768"

    def local(route: Route) -> None:
        document = route.fetch().json()
        (own,) = document["nodes"]
        own |= {"addresses": ["192.168.7.20:32769"], "http_port": 32768}
        route.fulfill(json={**document, "cluster_url": by_name, "discovery": {"on": True}})

    page.route("**/v0/cluster/local", local)
    page.goto("/dashboard")
    box = page.get_by_role("group", name="1. Address")
    expect(box.get_by_text("Use this one")).to_be_visible()
    expect(box.locator("code:visible")).to_have_text([f"{by_name}/v1"])
    expect(page.get_by_role("region", name="Set-up for curl")).to_contain_text(by_name)
    page.get_by_role("button", name="For phones").click()
    assert decoded(page) == f"{by_name}/playground"
    page.get_by_role("button", name="Address for apps").click()
    assert decoded(page) == f"{by_name}/v1"

    box.get_by_role("button", name="Other addresses (2)").click()
    shot(page, "overview-addresses")
    box.get_by_role("button", name=f"Use {by_number}").click()
    expect(box.get_by_text("Use this one")).to_have_count(0)
    expect(box.locator("code:visible").first).to_have_text(f"{by_number}/v1")
    expect(page.get_by_role("region", name="Set-up for curl")).to_contain_text(by_number)
    assert decoded(page) == f"{by_number}/v1"


def decoded(page: Page) -> str:
    code = page.get_by_role("img", name="QR code of")
    expect(code).to_be_visible()
    page.evaluate(READER.read_text(encoding="utf-8"))
    text: str = code.evaluate(
        """svg => {
            const scale = 6;
            const size = svg.viewBox.baseVal.width * scale;
            const context = new OffscreenCanvas(size, size).getContext("2d");
            context.fillStyle = "#fff";
            context.fillRect(0, 0, size, size);
            context.fillStyle = "#000";
            context.scale(scale, scale);
            context.fill(new Path2D(svg.querySelector("path").getAttribute("d")));
            return jsQR(context.getImageData(0, 0, size, size).data, size, size)?.data ?? "";
        }"""
    )
    return text


@pytest.mark.parametrize(("many", "shape"), [(3, "desk"), (20, "desk"), (20, "phone")])
def test_the_picture_of_many_machines(visits: Visits, many: int, shape: str, axe: Axe, shot: Shot) -> None:
    page = visits.begin(
        ADMIN, size=PHONE if shape == "phone" else DESK, scheme="dark" if many == 3 else "light"
    )
    with_machines(page, many)
    page.goto("/dashboard")
    where = (
        page.get_by_role("list", name="Machines", exact=True)
        if shape == "phone"
        else page.get_by_role("group", name=re.compile("machines of the cluster"))
    )
    links = where.get_by_role("link", name=re.compile("^(machine-|.*machine-)"))
    expect(links).to_have_count(many)
    expect(where.get_by_text("Router", exact=True)).to_have_count(1)
    expect(card(page, "Machines").locator(".value")).to_contain_text(str(many - 1))
    expect(page.get_by_text("machine-2 is offline")).to_be_visible()
    boxes = [box for link in links.all() if (box := link.bounding_box())]
    for at, box in enumerate(boxes):
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
        assert not any(overlap(box, other) for other in boxes[at + 1 :])
    axe(page)
    shot(page, f"overview-{many}-machines-{shape}")


def overlap(one: FloatRect, other: FloatRect) -> bool:
    return (
        one["x"] < other["x"] + other["width"] - 1
        and other["x"] < one["x"] + one["width"] - 1
        and one["y"] < other["y"] + other["height"] - 1
        and other["y"] < one["y"] + one["height"] - 1
    )


def with_machines(page: Page, many: int) -> None:
    """The node's own snapshot, with as many machines; the third one is off, every second one is busy."""

    def events(route: Route) -> None:
        with httpx.stream(
            "GET", route.request.url, headers=route.request.all_headers(), timeout=30
        ) as answer:
            lines = answer.iter_lines()
            data = next(line for line in lines if line.startswith("data: "))
        snapshot = json.loads(data.removeprefix("data: "))
        (own,), (node,) = snapshot["machines"], snapshot["cluster"]["nodes"]
        snapshot["machines"] = [machine(own, number) for number in range(many)]
        snapshot["cluster"]["nodes"] = [
            {
                **node,
                "id": f"id-{number}",
                "name": f"machine-{number}",
                "role": "follower" if number else "router",
                "online": number != 2,
            }
            for number in range(many)
        ]
        route.fulfill(
            body=f"id: x-1\nevent: snapshot\ndata: {json.dumps(snapshot)}\n\n",
            headers={"content-type": "text/event-stream"},
        )

    page.route("**/v0/events", events)


def machine(own: Mapping[str, Any], number: int) -> dict[str, Any]:
    load = {**(own["load"] or {}), "cpu_percent": number * 5, "memory_percent": 40, "gpus": []}
    return {
        **own,
        "id": f"id-{number}",
        "node": f"id-{number}",
        "name": f"machine-{number}",
        "active_requests": number % 2,
        "tokens_per_s": 12.5 * (number % 2),
        "load": {"active": 0, "queued": 0, "tokens_per_s": 0, **load},
    }

"""What models say in the playground, and what they are shown: harmless, readable, for eyes and ears that can."""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.acceptance.node import Node
from tests.fakes.openai_server import SOUND, Plan, openai_server
from tests.page.background import in_background
from tests.page.chats import answers, ask, begin, choose, served_elsewhere
from tests.page.conftest import ADMIN, PARROT, Shot
from tests.page.visits import DESK, PHONE, Scheme, Visits
from tests.page.watch import PageWatch

SEEING = "tiny-llava"  # by its name the node knows that it sees
LONG_LINE = "x" * 100_000
HOSTILE = (
    "<script>document.title = 'broken in'</script>\n\n"
    "<img src=x onerror=\"document.title = 'broken in'\">\n\n"
    "[a link](javascript:document.title='broken_in') and [another](https://example.org/)\n\n"
    "![a picture](https://example.org/pixel.png)\n\n"
    "```html\n<script>alert(1)</script>\n```\n\n"
)
DROPPED = """data => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0))
  const files = name => {
    const given = new DataTransfer()
    given.items.add(new File([bytes], name, {type: "image/png"}))
    return given
  }
  const message = document.querySelector("textarea[aria-label=Message]")
  message.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: files("dropped.png")}))
  message.dispatchEvent(new ClipboardEvent("paste", {bubbles: true, clipboardData: files("pasted.png")}))
}"""
TALK = """Counting sheep takes **three steps**:

1. Let them pass one by one.
2. Say a number for each, with `count += 1`.
3. Write it down.

```python
count = 0
for sheep in meadow:
    count += 1
print(f"{count} sheep")
```

| Meadow | Sheep | Dogs |
|---|---:|---:|
| North | 41 | 1 |
| South | 7 | 2 |

> If you fall asleep, begin again. See [the rules](https://example.org/).
"""


@pytest.fixture
def page(page: Page) -> Page:
    """The playground, for an administrator."""
    begin(page)
    return page


def picture(width: int, height: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_sound_needs_a_model_that_hears(page: Page, node: Node, tmp_path: Path) -> None:
    (tmp_path / "bleat.wav").write_bytes(SOUND)
    choose(page, PARROT)
    picker = page.locator("input[accept*=audio]")
    picker.set_input_files(tmp_path / "bleat.wav")
    expect(page.get_by_role("alert")).to_contain_text("can't hear, and no model here turns speech into text")
    models = ("whisper-1", "tiny-omni")
    with in_background(openai_server(models=models)) as upstream, served_elsewhere(node, upstream):
        choose(page, PARROT)
        picker.set_input_files(tmp_path / "bleat.wav")
        expect(page.get_by_role("textbox", name="Message")).to_have_value("bleat.wav:\nwhat was said")
        choose(page, "tiny-omni")
        picker.set_input_files(tmp_path / "bleat.wav")
        ask(page, "What is this?")
        expect(answers(page)).to_contain_text("Hello, world!")
        sound = upstream.inferences[-1].json["messages"][0]["content"][1]
    assert sound["input_audio"]["format"] == "wav"
    assert base64.b64decode(sound["input_audio"]["data"]) == SOUND


def test_a_full_queue_says_when_to_try_again(page: Page, node: Node, watch: PageWatch) -> None:
    watch.expect_status(429, 503)
    body = b'{"error": {"message": "come back soon", "type": "rate_limit_error", "code": "busy"}}'
    plan = Plan(status=429, headers={"retry-after": "2"}, body=body)
    with in_background(openai_server(plan=plan)) as upstream, served_elsewhere(node, upstream):
        choose(page, "fake-model")
        ask(page, "Anybody there?")
        failure = answers(page).get_by_role("alert")
        expect(failure).to_contain_text("come back soon")
        expect(failure.get_by_role("button", name="Try again in")).to_be_disabled()
        upstream.plan = Plan()
        failure.get_by_role("button", name="Try again", exact=True).click()
        expect(answers(page)).to_contain_text("Hello, world!")


def test_reasoning_is_folded(page: Page, node: Node) -> None:
    delta = {"choices": [{"index": 0, "delta": {"reasoning_content": "sheep first"}, "finish_reason": None}]}
    said = {"choices": [{"index": 0, "delta": {"content": "Done"}, "finish_reason": "stop"}]}
    events = [
        b"data: " + json.dumps({"model": "fake-model", **each}).encode() + b"\n\n" for each in (delta, said)
    ]
    plan = Plan(raw_events=[*events, b": continued on the shed\n\n", b"data: [DONE]\n\n"])
    with in_background(openai_server(plan=plan)) as upstream, served_elsewhere(node, upstream):
        choose(page, "fake-model")
        ask(page, "Think.")
        expect(answers(page)).to_contain_text("Done")
        expect(page.get_by_text("sheep first")).to_be_hidden()
        expect(answers(page)).to_contain_text("continued on the shed")
        answers(page).get_by_text("Reasoning").click()
        expect(page.get_by_text("sheep first")).to_be_visible()


def test_pictures(page: Page, node: Node, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(picture(4000, 2000))
    (tmp_path / "small.png").write_bytes(picture(20, 10))
    choose(page, PARROT)
    picker = page.locator("input[accept*=image]")
    picker.set_input_files(tmp_path / "small.png")
    expect(page.get_by_role("alert")).to_contain_text(f"{PARROT} can't see pictures")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Remove small.png").click()
    with in_background(openai_server(models=(SEEING,))) as upstream, served_elsewhere(node, upstream):
        choose(page, SEEING)
        picker.set_input_files([tmp_path / "small.png", tmp_path / "large.png"])
        expect(page.get_by_role("img", name="large.png")).to_be_visible()
        page.evaluate(DROPPED, base64.b64encode((tmp_path / "small.png").read_bytes()).decode())
        expect(page.get_by_role("img", name="dropped.png")).to_be_visible()
        expect(page.get_by_role("img", name="pasted.png")).to_be_visible()
        ask(page, "What is this?")
        expect(answers(page)).to_contain_text("Hello, world!")
        text, small, large, dropped, pasted = upstream.inferences[-1].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert small["image_url"]["url"].startswith("data:image/png;base64,")
    assert small == dropped == pasted
    assert large["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert len(large["image_url"]["url"]) < 200_000


def test_a_hostile_answer(page: Page, node: Node, watch: PageWatch, shot: Shot) -> None:
    words = [HOSTILE[at : at + 40] for at in range(0, len(HOSTILE), 40)]
    words += [LONG_LINE[at : at + 1000] for at in range(0, len(LONG_LINE), 1000)]
    plan = Plan(words=words)
    with in_background(openai_server(plan=plan)) as upstream, served_elsewhere(node, upstream):
        choose(page, "fake-model")
        ask(page, "Say something nasty.")
        expect(page.get_by_role("button", name="Answer again")).to_be_visible(timeout=60_000)
        answer = answers(page).locator(".markdown")
        expect(answer).to_contain_text("xxxxxxxxxx")
        assert answer.inner_text().count("x") >= len(LONG_LINE)
        assert answer.locator("script, img, iframe, [onerror]").count() == 0
        links = answer.get_by_role("link")
        hrefs = links.evaluate_all("all => all.map(each => [each.href, each.rel, each.target])")
        assert {tuple(each[1:]) for each in hrefs} == {("noopener noreferrer", "_blank")}
        assert [each[0] for each in hrefs] == ["https://example.org/", "https://example.org/pixel.png"]
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert "broken" not in page.title()
        shot(page, "playground-hostile", full_page=False)


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_how_it_looks(
    visits: Visits, node: Node, shot: Shot, axe: Callable[..., None], size: ViewportSize, scheme: Scheme
) -> None:
    page = visits.begin(ADMIN, size=size, scheme=scheme)
    name = f"playground-{'desk' if size == DESK else 'phone'}-{scheme}"
    with in_background(openai_server(plan=Plan(words=[TALK]))) as upstream, served_elsewhere(node, upstream):
        begin(page)
        shot(page, f"{name}-new")
        page.get_by_role("button", name=re.compile("^Model: ")).click()
        expect(page.get_by_role("option")).not_to_have_count(0)
        shot(page, f"{name}-models")
        page.keyboard.press("Escape")
        choose(page, "fake-model")
        ask(page, "Tell me how sheep are counted.")
        expect(page.get_by_role("button", name="Answer again")).to_be_visible()
        expect(page.get_by_role("table")).to_be_visible()
        shot(page, f"{name}-answer")
        page.get_by_role("button", name="Settings of the chat").click()
        expect(page.get_by_label("System prompt")).to_be_visible()
        axe(page)
        shot(page, f"{name}-settings")

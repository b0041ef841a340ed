"""`corral run`: one answer, or a conversation."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable
from corral.app.settings_table import Settings

_PROMPT = ">>> "
_DIM, _PLAIN = "\033[2m", "\033[0m"


def run_model(settings: Settings, model: str, prompt: str | None) -> None:
    """Answer `prompt`, or what is piped in; without either talk until Ctrl+D."""
    with NodeClient.of(settings) as node:
        if prompt is not None:
            _answer(node, model, [{"role": "user", "content": prompt}])
        elif not sys.stdin.isatty():
            _answer(node, model, [{"role": "user", "content": _piped()}])
        else:
            _talk(node, model)


def _piped() -> str:
    text = sys.stdin.read().strip()
    if not text:
        raise CommandError("there is no prompt: name one, or pipe one in")
    return text


def _talk(node: NodeClient, model: str) -> None:
    with contextlib.suppress(ImportError):  # not on Windows
        import readline  # noqa: F401 - gives input() a history
    print(f"Talking to {model}. Ctrl+C stops an answer, Ctrl+D leaves.")
    messages: list[dict[str, str]] = []
    while True:
        try:
            asked = input(_PROMPT).strip()
        except KeyboardInterrupt:
            print()
            continue
        except EOFError:
            print()
            return
        if not asked:
            continue
        messages.append({"role": "user", "content": asked})
        try:
            messages.append({"role": "assistant", "content": _answer(node, model, messages)})
        except CommandError as error:
            messages.pop()
            print(f"corral: {error}", file=sys.stderr)


def _answer(node: NodeClient, model: str, messages: list[dict[str, str]]) -> str:
    """Print an answer as it comes; its text. In a conversation Ctrl+C ends it early."""
    deltas = node.chat(model, messages)
    parts: list[str] = []
    talking = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        for shown, text in _pieces(deltas):
            parts.append(text)
            sys.stdout.write(shown)
            sys.stdout.flush()
    except KeyboardInterrupt:
        if not talking:
            raise
        sys.stdout.write(" …")
    finally:
        deltas.close()
    print()
    return "".join(parts)


def _pieces(deltas: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """What to print, and what of it is the answer. Thoughts are shown dimmed, on a terminal only."""
    terminal = sys.stdout.isatty()
    for delta in deltas:
        text = delta.get("content") or ""
        thought = delta.get("reasoning_content") or ""
        if thought and terminal:
            yield f"{_DIM}{printable(thought)}{_PLAIN}", ""
        if text:
            yield printable(text) if terminal else text, text

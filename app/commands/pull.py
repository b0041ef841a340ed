"""`corral pull`: a machine of the cluster gets a model that others have."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, size
from corral.app.settings_table import Settings

_POLL_S = 0.5
_HEARD_WITHIN_S = 10.0  # the router knows of a new copy when the machine has told it
_CHECKSUM_S = 1800.0  # large files take minutes
_PENDING = "checksum_pending"
_ENDED = ("done", "failed", "cancelled")

Copy = dict[str, Any]


def pull(settings: Settings, model: str, *, to: str | None, wait: bool, as_json: bool) -> None:
    """Begin a copy; with `wait`, end when it has ended."""
    with NodeClient.of(settings) as node:
        target = to or _here(node)
        copy = _begun(node, model, target, patience_s=_CHECKSUM_S if wait else 0.0)
        if wait:
            copy = _watched(node, copy, quiet=as_json)
    if as_json:
        show_json(copy)
    elif wait:
        print(f"{printable(copy['model'])} is on {printable(copy['node']['name'])} now.")
    else:
        print(
            f"{printable(copy['model'])} ({size(copy['bytes_total'])}) is on its way to "
            f"{printable(copy['node']['name'])}; the same command with --wait shows how it goes."
        )


def cancel(settings: Settings, model: str, *, to: str | None, as_json: bool) -> None:
    """Stop a copy."""
    with NodeClient.of(settings) as node:
        target = to or _here(node)
        found = [
            each
            for each in node.ask("GET", "/v0/models/copies")["copies"]
            if target in (each["node"]["id"], each["node"]["name"]) and each["model"].lower() == model.lower()
        ]
        if not found:
            raise CommandError(f"no model {model!r} is on its way to {target!r}")
        node.ask("DELETE", f"/v0/models/copies/{quote(found[0]['id'], safe='')}")
    if as_json:
        show_json({"cancelled": True})
    else:
        print(f"{printable(model)} is not copied any more; what had come is removed.")


def _begun(node: NodeClient, model: str, target: str, *, patience_s: float) -> Copy:
    """Begin a copy; a model whose checksum is still being worked out is waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return node.ask("POST", "/v0/models/copy", {"model": model, "to": target})
        except CommandError as error:
            if error.code != _PENDING or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)


def _here(node: NodeClient) -> str:
    here: str = node.ask("GET", "/v0/cluster/local")["node"]["id"]
    return here


def _watched(node: NodeClient, copy: Copy, *, quiet: bool) -> Copy:
    """Until it has ended. Raises CommandError if it came to nothing."""
    last_chance = time.monotonic() + _HEARD_WITHIN_S
    with _screen(quiet=quiet) as screen:
        while copy["state"] not in _ENDED:
            screen.show(copy)
            time.sleep(_POLL_S)
            copies = node.ask("GET", "/v0/models/copies")["copies"]
            found = next((each for each in copies if each["id"] == copy["id"]), None)
            if found is not None:
                copy, last_chance = found, time.monotonic() + _HEARD_WITHIN_S
            elif time.monotonic() > last_chance:
                raise CommandError("the machine doesn't say how the copy goes; is it on?")
        screen.show(copy)
    if copy["state"] != "done":
        raise CommandError(printable(copy["error"] or "the copy was cancelled"))
    return copy


class _Screen(Protocol):
    def show(self, copy: Copy) -> None: ...


class _Nothing:
    def show(self, copy: Copy) -> None:
        """For programs."""


class _Bar:
    """A progress bar; into a file or a pipe, nothing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("waiting", total=None)
        self._note: str | None = None

    def show(self, copy: Copy) -> None:
        sources = copy["sources"]
        words = f"{copy['state']} from {sources}" if sources else copy["state"]
        self._progress.update(
            self._task, description=words, completed=copy["bytes_downloaded"], total=copy["bytes_total"]
        )
        if copy["note"] != self._note:
            self._note = copy["note"]
            self._progress.console.print(printable(self._note or ""), markup=False, highlight=False)


@contextmanager
def _screen(*, quiet: bool) -> Iterator[_Screen]:
    if quiet:
        yield _Nothing()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        yield _Bar(progress)

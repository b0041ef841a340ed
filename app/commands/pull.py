"""`corral pull`: a machine gets a model, from the others that have it or from the hub; `corral rm`: a model goes."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
_HUB_S = 120.0  # the hub is asked first
_PENDING = "checksum_pending"
_ENDED = ("done", "failed", "cancelled")

Copy = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which of several files is meant."""

    quantization: str | None = None
    policy: str | None = None
    filename: str | None = None
    format: str | None = None

    def fields(self) -> Mapping[str, str]:
        """As POST /v0/models/pull takes them."""
        named = {
            "quantization": self.quantization,
            "gguf_policy": self.policy,
            "filename": self.filename,
            "format": self.format,
        }
        return {name: value for name, value in named.items() if value is not None}


def pull(
    settings: Settings, model: str, *, choice: Choice, to: str | None, wait: bool, as_json: bool
) -> None:
    """Begin; with `wait`, end when it has ended. Ctrl+C then stops it and keeps what has come."""
    with NodeClient.of(settings) as node:
        target = to or _here(node)
        wanted = {"repo": model, "to": target, **choice.fields()}
        try:
            copy = _begun(node, wanted, patience_s=_CHECKSUM_S if wait else 0.0)
            if wait:
                copy = _watched(node, copy, quiet=as_json)
        except KeyboardInterrupt:
            for each in _coming(node, model, target):
                node.ask("DELETE", f"/v0/models/copies/{quote(each['id'], safe='')}?keep=true")
            raise CommandError(
                f"stopped; what has come of {printable(model)} is kept, and the same command goes on with it"
            ) from None
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
    """Stop it, and remove what has come."""
    with NodeClient.of(settings) as node:
        target = to or _here(node)
        found = _coming(node, model, target)
        if not found:
            raise CommandError(f"no model {model!r} is on its way to {target!r}")
        node.ask("DELETE", f"/v0/models/copies/{quote(found[0]['id'], safe='')}")
    if as_json:
        show_json({"cancelled": True})
    else:
        print(f"{printable(model)} is not on its way any more; what had come is removed.")


def remove(
    settings: Settings, model: str, *, node: str | None, as_json: bool, sure: Callable[[str], bool]
) -> None:
    """Remove a model from all machines, or from one; `sure` asks a person first."""
    place = f"from {node}" if node else "from every machine"
    if not sure(f"Remove the files of {printable(model)} {place}?"):
        raise CommandError("nothing was removed")
    query = f"?node={quote(node, safe='')}" if node else ""
    with NodeClient.of(settings) as client:
        gone = client.ask("DELETE", f"/v0/models/{quote(model, safe='/:')}{query}", within_s=_HUB_S)
    if as_json:
        show_json(gone)
        return
    for each in gone["nodes"]:
        print(
            f"{printable(model)} is gone from {printable(each['name'])}: {size(each['freed_bytes'])} are free again."
        )
    if not gone["nodes"]:
        print(f"{printable(model)} is not registered any more; no machine that is on had it.")


def _begun(node: NodeClient, wanted: Mapping[str, str], *, patience_s: float) -> Copy:
    """Begin; a model whose checksum is still being worked out is waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return node.ask("POST", "/v0/models/pull", wanted, within_s=_HUB_S)
        except CommandError as error:
            if error.code != _PENDING or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)


def _coming(node: NodeClient, model: str, target: str) -> list[Copy]:
    """What is on its way to a machine under a name, perhaps with its quantisation, or was lately."""
    wanted = model.lower() if "://" in model else _base(model)
    return [
        each
        for each in node.ask("GET", "/v0/models/copies")["copies"]
        if target in (each["node"]["id"], each["node"]["name"])
        and each["state"] != "done"
        and (model.lower() == each["model"].lower() or f"/{_base(each['model'])}/" in f"/{wanted}/")
    ]


def _base(model: str) -> str:
    """Without its quantisation."""
    return model.lower().partition(":")[0]


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

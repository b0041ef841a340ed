"""Registered models of the whole cluster, as people ask for them. For the router only."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from corral.app import peer_json
from corral.app.gateway.models import Download
from corral.app.model_copy import wire as copy_wire
from corral.app.model_copy.control import CopyControl
from corral.app.model_copy.copies import State
from corral.app.model_copy.errors import CantCopy, CopyError, NoRoom
from corral.app.model_copy.second_copy import Site
from corral.app.model_copy.view import View
from corral.app.registry import wire
from corral.app.registry.book import Entry, ModelBook
from corral.app.registry.errors import BadWish, CantRemove, ModelBusy, NotRegistered, RegistryError
from corral.app.registry.hub import Hub
from corral.app.registry.machines import best_first, memory_warning
from corral.app.registry.order import BadOrder, Order, checked, encode, wanted_files
from corral.app.registry.pulls import Pulls
from corral.app.registry.removal import Removal
from corral.app.registry.repository import HUB_HOSTS, Reference, reference_of
from corral.app.registry.selection import Wish, selected
from corral.app.times import rfc3339
from corral.engines.errors import ModelNotFound
from corral.engines.library import NO_ENGINE
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered, PeerError

_ANSWER_S = 60.0
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to register or to fetch. `repo` is a repository, a URL of one or of a file, or a registered model's name."""

    repo: str
    wish: Wish = Wish()  # noqa: RUF009 - frozen


class Registry:
    """Documents are as `api.registry_answers` shapes them."""

    def __init__(
        self,
        *,
        book: ModelBook,
        hub: Hub,
        hub_url: str,
        view: View,
        control: CopyControl,
        pulls: Pulls,
        removal: Removal,
        members: Members,
        client: PeerClient,
        claim: Callable[[], str],
        sites: Callable[[], Sequence[Site]],
        memories: Callable[[], Sequence[int]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`pulls` and `removal` are this machine's; `sites` are the machines that are on, `memories` what each has in all."""
        self.book = book
        self._hub = hub
        self._hosts = HUB_HOSTS | {urlsplit(hub_url).netloc.lower()}
        self._view = view
        self._control = control
        self._pulls = pulls
        self._removal = removal
        self._members = members
        self._client = client
        self._claim = claim
        self._sites = sites
        self._memories = memories
        self._now = now

    # --- registering

    async def register(self, wanted: Wanted) -> Document:
        """Raises RegistryError, DiskFull."""
        order = await self._order(wanted)
        known = self.book.exact(order)
        if known is not None:
            files = known.order.files[0].path
            raise BadWish(
                f"model {order.name} is registered already (with {files})",
                code="already_registered",
                param="repo",
            )
        return self.document(await self.book.add(order, now=self._now()))

    async def _order(self, wanted: Wanted) -> Order:
        """Raises RegistryError."""
        reference = reference_of(wanted.repo, hosts=self._hosts)
        wish = _joined(reference, wanted.wish)
        repo = await self._hub.repository(reference.repo, reference.revision)
        chosen = selected(repo, wish)
        try:
            return checked(
                Order(
                    model=repo.id.lower(),
                    repo=repo.id,
                    commit=repo.commit,
                    format=chosen.format,
                    quantization=chosen.quantization,
                    files=wanted_files(chosen.files),
                )
            )
        except BadOrder as error:
            raise BadWish(
                f"repository {repo.id} can't be used: {error}", code="invalid_value", param="repo"
            ) from error

    # --- fetching

    async def pull(self, wanted: Wanted, *, to: str | None) -> Document:
        """A copy from another machine that has the model, else a download; the model is registered then.

        Raises RegistryError, CopyError, NoSuchNode, EngineError, DiskFull.
        """
        target = None if to is None else self._control.node(to)
        entry = self.book.find(wanted.repo)
        if wanted.wish == Wish():
            name = wanted.repo if entry is None else entry.order.name
            held = {each.node for each in self._view.holders(name) if not each.broken}
            if held:
                return await self._copied(name, held, target)
            if entry is None and "/" not in wanted.repo:
                raise ModelNotFound(
                    f"no machine that is on has a model {name[:100]!r}; models of the hub are called ORG/MODEL",
                    param="repo",
                )
        if entry is None or wanted.wish != Wish():
            entry = await self._registered(wanted)
            held = {each.node for each in self._view.holders(entry.order.name) if not each.broken}
            if held:
                return await self._copied(entry.order.name, held, target)
        return await self.begin(entry.order, None if target is None else [target])

    async def begin(self, order: Order, nodes: Sequence[NodeId] | None = None) -> Document:
        """Let the first machine that can download a model: of `nodes`, else of all. Raises CopyError."""
        refused: CopyError | None = None
        for node in best_first(self._sites(), order.size_bytes) if nodes is None else nodes:
            try:
                if node == self._view.node:
                    return self._control.document(node, await self._pulls.begin(order))
                return self._control.shown(
                    node, await self._control.post(node, wire.PULL_PATH, encode(order))
                )
            except (CantCopy, NoRoom) as error:
                refused = refused if isinstance(refused, NoRoom) else error
        raise refused or CantCopy("no machine is there that could download it")

    async def _copied(self, name: str, held: Collection[NodeId], target: NodeId | None) -> Document:
        if target is None:
            target = next((node for node in best_first(self._sites(), 0) if node not in held), None)
        if target is None:
            raise CantCopy(f"every machine that is on has model {name[:100]!r} already")
        return await self._control.copy(model=name, to=target)

    async def _registered(self, wanted: Wanted) -> Entry:
        order = await self._order(wanted)
        return self.book.exact(order) or await self.book.add(order, now=self._now())

    # --- removing

    async def remove(self, name: str, *, node: str | None) -> Document:
        """Remove a model's files, from one machine, or from all that are on with its registration.

        Raises NotRegistered if nobody knows it, ModelBusy, CantRemove, NoSuchNode, DiskFull.
        """
        entry = self.book.find(name)
        wanted = name if entry is None else entry.order.name
        holders = self._view.holders(wanted)
        if node is not None:
            place = self._control.node(node)
            holders = [each for each in holders if each.node == place]
        if not holders and (entry is None or node is not None):
            raise NotRegistered(name)
        if node is None:
            await self._stop_fetching(wanted)
        removed = []
        for each in holders:
            freed_bytes = await self._remove_at(each.node, each.model)
            removed.append(
                {"id": each.node, "name": self._members.name(each.node), "freed_bytes": freed_bytes}
            )
        if entry is not None and node is None:
            await self.book.remove(entry)
        return {"deleted": True, "unregistered": entry is not None and node is None, "nodes": removed}

    async def _stop_fetching(self, name: str) -> None:
        for document in self._control.documents():
            if document["model"].lower() == name.lower() and not State(document["state"]).ended:
                await self._control.cancel(document["id"])

    async def _remove_at(self, node: NodeId, model: str) -> int:
        if node == self._view.node:
            return await self._removal.remove(model)
        name = self._members.name(node)
        headers = {"content-type": "application/json", copy_wire.CLAIM_HEADER: self._claim()}
        body = peer_json.encode(wire.Remove(model=model))
        try:
            answer = await self._client.post(
                node, wire.REMOVE_PATH, body, timeout_s=_ANSWER_S, headers=headers, repeatable=False
            )
            return peer_json.decode(wire.Removed, answer).freed_bytes
        except PeerAnswered as error:
            raise _refusal(error, machine=name, model=model) from error
        except (PeerError, peer_json.Malformed) as error:
            raise CantRemove(f"{name} can't be reached; is it switched on?") from error

    # --- showing

    def documents(self) -> Sequence[Document]:
        """Every registered model, in the order of names."""
        return [self.document(entry) for entry in self.book.entries()]

    def document(self, entry: Entry) -> Document:
        """One of them, with how it stands."""
        order = entry.order
        holders = self._view.holders(order.name)
        download = self.download_of(order)
        warning = memory_warning(order.size_bytes, self._memories())
        status, error = _lifecycle(order, held=bool(holders), download=download)
        return {
            **self._what_it_is(entry),
            "files": [each.path for each in order.files],
            "lifecycle_status": status,
            "download_progress": None if download is None else download.document(),
            "nodes": [{"id": each.node, "name": self._members.name(each.node)} for each in holders],
            "error": error,
            "warnings": [] if warning is None else [warning],
            "created_at": rfc3339(entry.created_at),
        }

    def manifest(self, name: str) -> Document:
        """The files of a registered model. Raises NotRegistered."""
        entry = self.found(name)
        order = entry.order
        place = f"/v0/models/registry/{quote(order.name, safe='/:')}/files/"
        return {
            **self._what_it_is(entry),
            "files": [
                {
                    "name": each.path,
                    "size_bytes": each.size_bytes,
                    "sha256": each.sha256,
                    "url": f"{place}{quote(each.path, safe='/')}",
                }
                for each in order.files
            ],
        }

    def _what_it_is(self, entry: Entry) -> Document:
        order = entry.order
        return {
            "name": self.book.listed_name(entry),
            "repo": order.repo,
            "revision": order.commit,
            "format": order.format,
            "quantization": order.quantization or None,
            "size_bytes": order.size_bytes,
        }

    def found(self, name: str) -> Entry:
        """Raises NotRegistered."""
        entry = self.book.find(name)
        if entry is None:
            raise NotRegistered(name)
        return entry

    def download_of(self, order: Order) -> Download | None:
        """How it comes, if it does."""
        return self._control.downloads().get(order.name.lower())


def _joined(reference: Reference, wish: Wish) -> Wish:
    """What the name and the fields say together. Raises BadWish."""
    for field, named, given in (
        ("filename", reference.filename, wish.filename),
        ("quantization", reference.quantization, wish.quantization),
    ):
        if named is not None and given is not None and named != given:
            raise BadWish(
                f"`{field}` is another one than `repo` names", code="conflicting_fields", param=field
            )
    return Wish(
        format=wish.format,
        policy=wish.policy,
        filename=wish.filename or reference.filename,
        quantization=wish.quantization or reference.quantization,
    )


def _lifecycle(order: Order, *, held: bool, download: Download | None) -> tuple[str, str | None]:
    if download is not None and download.error is None:
        return "caching", None
    if held:
        return "registered", None if order.format == "gguf" else NO_ENGINE
    if download is not None:
        return "error", download.error
    return "pending", None if order.format == "gguf" else NO_ENGINE


def _refusal(error: PeerAnswered, *, machine: str, model: str) -> RegistryError:
    try:
        refusal = peer_json.decode(copy_wire.Refusal, error.body)
    except peer_json.Malformed:
        return CantRemove(
            f"{machine} answered with status {error.status}; does it run an older version of Corral?"
        )
    if refusal.code == NotRegistered.code:
        return NotRegistered(model)
    kind = ModelBusy if refusal.code == ModelBusy.code else CantRemove
    return kind(f"{machine}: {refusal.message[:1000]}")

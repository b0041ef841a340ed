"""Copies of the whole cluster, as people and the router's own rule ask for them. For the router only."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from corral.app import peer_json
from corral.app.cluster.errors import NoSuchNode
from corral.app.gateway.models import Download
from corral.app.model_copy import wire
from corral.app.model_copy.copies import Copies, State
from corral.app.model_copy.errors import CantCopy, ChecksumPending, NoSuchCopy
from corral.app.model_copy.holders import Holder, meant
from corral.app.model_copy.manifest import ModelSum
from corral.app.model_copy.view import View
from corral.app.serving.load_report import CopyLive
from corral.engines.errors import ModelNotFound
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered, PeerError

_ANSWER_S = 10.0
_SHOWN_NODE, _SHOWN_SUM = 12, 16  # of the ids, in the id of a copy

Document = Mapping[str, Any]


class CopyControl:
    """Documents are as `api.copy_answers` shapes them."""

    def __init__(
        self,
        *,
        view: View,
        copies: Copies,
        members: Members,
        live: Callable[[], Collection[NodeId]],
        client: PeerClient,
        claim: Callable[[], str],
    ) -> None:
        """`copies` are this machine's; `claim` is its right to ask others, TERM.ROUTER."""
        self._view = view
        self._copies = copies
        self._members = members
        self._live = live
        self._client = client
        self._claim = claim

    async def copy(self, *, model: str, to: str) -> Document:
        """Let a machine (its name or id) fetch a model from those that have it.

        Raises ModelNotFound, NoSuchNode, CopyError.
        """
        node = self.node(to)
        held = self._held(model, node)
        ask = wire.Ask(
            model=held.model, id=held.id, size_bytes=held.size_bytes, quantization=held.quantization[:64]
        )
        if node == self._view.node:
            return self.document(node, await self._copies.begin(ask))
        return self.shown(node, await self.post(node, wire.COPY_PATH, peer_json.encode(ask)))

    def documents(self) -> Sequence[Document]:
        """Copies that are under way anywhere, and those that ended in the last minutes."""
        return [self.document(node, copy) for node, copy in self._view.copies()]

    async def cancel(self, id: str, *, keep: bool = False) -> None:
        """Stop a copy and remove what has come of it, or `keep` it. Raises NoSuchCopy, CopyError."""
        for node, copy in self._view.copies():
            if copy_id(node, copy) == id:
                break
        else:
            raise NoSuchCopy
        if node == self._view.node:
            await self._copies.cancel(ModelSum(copy.id), keep=keep)
        else:
            await self.post(node, wire.CANCEL_PATH, peer_json.encode(wire.Cancel(id=copy.id, keep=keep)))

    def downloads(self) -> Mapping[str, Download]:
        """Model (in lower case) → how its copy goes, of several the one that has most; failed ones if there is no other."""
        found: dict[str, Download] = {}
        for _, copy in self._view.copies():
            if copy.state in (State.DONE, State.CANCELLED):
                continue
            download = _download(copy)
            other = found.get(copy.model.lower())
            if other is None or _rank(download) > _rank(other):
                found[copy.model.lower()] = download
        return found

    def node(self, to: str) -> NodeId:
        """The machine of a name or id, if it is there. Raises NoSuchNode, CantCopy."""
        members = self._members.roster.members
        found = [node for node in members if to == node] or [
            node for node, member in members.items() if member.name == to
        ]
        if not found:
            raise NoSuchNode
        if len(found) > 1:
            raise CantCopy(
                f"several machines are called {to!r}; use the id that `corral cluster nodes` shows"
            )
        node = found[0]
        if node != self._view.node and node not in self._live():
            raise CantCopy(f"{self._members.name(node)} is not there now; switch it on and try again")
        return node

    def _held(self, model: str, node: NodeId) -> Holder:
        """Raises ModelNotFound, ChecksumPending, CantCopy."""
        holders = self._view.holders(model)
        able = [each for each in holders if not each.broken]
        if any(each.node == node for each in able):
            raise CantCopy(f"{self._members.name(node)} has model {model[:100]!r} already")
        if not able:
            raise ModelNotFound(
                f"no machine that is on has a model {model[:100]!r}; see GET /v1/models", param="model"
            )
        held = meant(able)
        if held is None:
            raise ChecksumPending(model)
        return held

    async def post(self, node: NodeId, path: str, body: bytes) -> bytes:
        """What another machine answers. Raises CopyError."""
        name = self._members.name(node)
        headers = {"content-type": "application/json", wire.CLAIM_HEADER: self._claim()}
        try:
            return await self._client.post(
                node, path, body, timeout_s=_ANSWER_S, most_bytes=wire.MAX_BYTES, headers=headers
            )
        except PeerAnswered as error:
            wire.raise_refusal(error.status, error.body, machine=name)
        except PeerError as error:
            raise CantCopy(f"{name} can't be reached; is it switched on?") from error

    def shown(self, node: NodeId, answer: bytes) -> Document:
        """Another machine's answer about a copy. Raises CantCopy."""
        try:
            return self.document(node, peer_json.decode(CopyLive, answer))
        except peer_json.Malformed as error:
            raise CantCopy(f"{self._members.name(node)} gave an answer that makes no sense") from error

    def document(self, node: NodeId, copy: CopyLive) -> Document:
        """A copy that a machine makes."""
        return {
            "id": copy_id(node, copy),
            "model": copy.model,
            "node": {"id": node, "name": self._members.name(node)},
            "state": copy.state,
            **_download(copy).document(),
            "sources": copy.sources,
            "bytes_per_s": copy.bytes_per_s,
            "note": copy.note or None,
        }


def copy_id(node: NodeId, copy: CopyLive) -> str:
    """A copy has one for as long as it is known: a machine makes one copy of a model at a time."""
    return f"{node[:_SHOWN_NODE].lower()}-{copy.id[:_SHOWN_SUM]}"


def _download(copy: CopyLive) -> Download:
    return Download(bytes_downloaded=copy.done_bytes, bytes_total=copy.total_bytes, error=copy.error or None)


def _rank(download: Download) -> tuple[bool, int]:
    return download.error is None, download.bytes_downloaded

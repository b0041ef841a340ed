"""Shapes of the answers about the cluster, for the OpenAPI document. Times are RFC 3339."""

from typing import Any, Literal

from corral.app.api.answers import Open


class NamedNode(Open):
    id: str
    name: str


class ThisNode(NamedNode):
    """A node without a router is `joining`."""

    role: Literal["router", "follower", "alone", "joining"]


class Node(NamedNode):
    """A machine of the cluster as the router sees it. `clock_skew_s`: so far ahead is its clock.

    `router_choice`: what was chosen for it here; null: its own setting `router` counts. `link`: how the last try to reach its peer port ended (null: none was made), and `trouble` why it failed.
    """

    this: bool
    role: Literal["router", "follower", "unknown"]
    online: bool
    last_heard_s: float | None
    version: str | None
    addresses: list[str]
    http_port: int | None
    clock_skew_s: float | None
    approved_at: str
    router_choice: Literal["auto", "prefer", "never"] | None
    needs_update: bool
    link: Literal["reached", "refused", "unreachable", "not_trusted", "broken"] | None
    trouble: str | None


class JoinRequest(NamedNode):
    """A machine that wants to join. `code` is what it shows too."""

    node: str
    address: str
    code: str
    asked_at: str


class Election(Open):
    """A router that this machine began to follow, or lost."""

    at: str
    term: int
    router: NamedNode | None
    reason: str


class Cluster(NamedNode):
    """`url` is for machines that don't run Corral."""

    url: str
    state: str
    term: int
    node: ThisNode
    router: NamedNode | None
    nodes: list[Node]
    requests: list[JoinRequest]
    elections: list[Election]
    warnings: list[str]


class Joining(Open):
    """What this machine does to get into another cluster."""

    state: Literal["asking", "waiting", "joining", "failed"]
    cluster_name: str | None
    code: str | None
    error: str | None


class LocalCluster(Open):
    """This machine's own view, also while there is no router. `splits` are those warnings that tell of parts of the cluster."""

    url: str
    cluster_url: str
    node: ThisNode
    cluster: NamedNode
    router: NamedNode | None
    nodes: list[Node]
    joining: Joining | None
    warnings: list[str]
    splits: list[str]
    discovery: dict[str, Any]


class Accepted(Open):
    accepted: bool


class Decided(Open):
    node: str
    approved: bool


class JoinCode(Open):
    code: str
    expires_in_s: int


class Invite(Open):
    """A token that lets machines in."""

    id: str
    uses: int
    uses_left: int
    created_at: str
    created_by: str | None
    expires_at: str
    state: Literal["valid", "used", "expired", "revoked"]


class NewInvite(Invite):
    """`token` is shown in this answer and never again."""

    token: str


class Invites(Open):
    invites: list[Invite]
    total: int


class Removed(Open):
    removed: bool


class NodeSharing(Open):
    """`paused`: it works for itself only now."""

    node: NamedNode
    paused: bool


class HandedOver(Open):
    router: NamedNode


class Revoked(Open):
    revoked: bool

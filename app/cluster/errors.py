"""What can go wrong with the cluster's management. Messages are shown to clients.

ClusterError
├── NoSuchRequest, NoSuchNode, NoSuchInvite, NoSuchAddress
├── CantBeDone       not in this state: already joining, alone, no other machine
└── CantJoin         the other cluster doesn't let this machine in, or can't be reached
"""

from typing import ClassVar


class ClusterError(Exception):
    """Base of them."""

    code: ClassVar[str] = "cluster_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.param = None


class NoSuchRequest(ClusterError):
    code = "join_request_not_found"

    def __init__(self) -> None:
        super().__init__("there is no such request to join; it may have ended. GET /v0/cluster lists them")


class NoSuchNode(ClusterError):
    code = "node_not_found"

    def __init__(self) -> None:
        super().__init__("there is no such machine in the cluster; GET /v0/cluster lists them")


class NoSuchInvite(ClusterError):
    code = "invite_not_found"

    def __init__(self) -> None:
        super().__init__("there is no valid token with this id; GET /v0/cluster/invites lists them")


class NoSuchAddress(ClusterError):
    code = "address_not_found"

    def __init__(self) -> None:
        super().__init__("this address was not added here; GET /v0/cluster/local lists those that were")


class CantBeDone(ClusterError):
    code = "not_possible_now"


class CantJoin(ClusterError):
    code = "cant_join"

"""What goes wrong in an election.

ElectionError
├── MalformedMessage     bytes from a member that are no message
└── HandoverImpossible   nobody fit to take over, or this machine isn't the router
"""


class ElectionError(Exception):
    """Base of everything this package raises."""


class MalformedMessage(ElectionError):
    """Bytes that are no message of ours."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Not an election message: {why}")


class HandoverImpossible(ElectionError):
    """A hand-over that can't begin; the text says why and what to do."""

"""What Corral's own parts say of a request beside the client's words: two entries of its ASGI scope.

The server makes the scope from bytes and never sets these names, so no client can.
"""

from collections.abc import Mapping
from typing import Any, Final

from corral.app.gateway.relayed import Relayed

RELAYED: Final = "corral.relayed"  # a Relayed: another member passed the request on
REFUSED: Final = "corral.refused"  # an error: the answer, whatever the request asks for


def relayed_of(scope: Mapping[str, Any]) -> Relayed | None:
    """Through whom a request came; None if straight from its client."""
    relayed = scope.get(RELAYED)
    assert relayed is None or isinstance(relayed, Relayed)
    return relayed


def refused_of(scope: Mapping[str, Any]) -> Exception | None:
    """The error that the front door has decided to answer with."""
    error = scope.get(REFUSED)
    assert error is None or isinstance(error, Exception)
    return error

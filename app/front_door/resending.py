"""How long a request is held without a router, and what may be sent to another one. Pure."""

from typing import Final

from corral.app.api.route import is_inference

HOLD_S: Final = 8.0  # over all waits of one request
RETRY_S: Final = 0.25  # the router may be back without a change of who it is
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


def may_repeat(method: str, path: str) -> bool:
    """Whether doing a request twice is harmless: reads and idempotent writes (RFC 9110, 9.2.2), and inference."""
    return method in _REPEATABLE or is_inference(path)

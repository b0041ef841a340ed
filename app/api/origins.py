"""Which host names and web origins are ours. Pure."""

import ipaddress
import re
from collections.abc import Collection, Mapping

_ANY = "*"
_METHODS = "GET, POST, DELETE, OPTIONS"
_EXPOSED = "x-request-id, x-corral-node, x-corral-endpoint, retry-after, x-queue-status, x-queue-wait-ms"
_HEADER_LIST = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}$")
_PREFLIGHT_SECONDS = "600"


def host_allowed(host: str, names: Collection[str]) -> bool:
    """Whether a Host header means this node: an address, localhost, or one of `names` (lower case).

    Any other name may be one that a stranger's page has pointed at this machine (DNS rebinding).
    """
    name = _without_port(host.strip().lower()).rstrip(".")
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True


def cors_headers(headers: Mapping[str, str], origins: Collection[str], *, preflight: bool) -> dict[str, str]:
    """Answer headers for a request's Origin; none if it isn't among `origins`."""
    origin = headers.get("origin")
    if origin is None or not (_ANY in origins or origin in origins):
        return {}
    answer = {
        "access-control-allow-origin": _ANY if _ANY in origins else origin,
        "access-control-expose-headers": _EXPOSED,
        "vary": "Origin",
    }
    if preflight:
        wanted = headers.get("access-control-request-headers", "")
        answer["access-control-allow-methods"] = _METHODS
        answer["access-control-max-age"] = _PREFLIGHT_SECONDS
        if _HEADER_LIST.match(wanted):
            answer["access-control-allow-headers"] = wanted
    return answer


def _without_port(host: str) -> str:
    if host.startswith("["):
        return "".join(host.partition("]")[:2])
    return host.rpartition(":")[0] if host.count(":") == 1 else host

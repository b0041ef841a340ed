"""From where models may be downloaded. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

_HUB = "huggingface.co"
_HUB_STORES = (
    "*.hf.co",
    "*.huggingface.co",
)  # where the hub keeps files; which ones changes from time to time


class Allowlist:
    """Patterns HOST/PATH with `*`; a bare HOST allows all of it. The hub that is set is allowed itself."""

    def __init__(self, patterns: Sequence[str], *, hub: str) -> None:
        """`hub` is the base URL of the hub."""
        self._patterns = [_split(pattern) for pattern in patterns]
        parts = urlsplit(hub)
        self._hub = parts.scheme, parts.netloc.lower()

    def allows(self, url: str, *, redirected: bool = False) -> bool:
        """Whether something may be fetched from there. Plain http is for a hub that is reached by it, and for what it says."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if (parts.scheme, parts.netloc.lower()) == self._hub:
            return True
        if parts.scheme != "https" and not (parts.scheme == "http" and self._hub[0] == "http"):
            return False
        if parts.username is not None or parts.password is not None:
            return False
        place = host if port in (None, 443) else f"{host}:{port}"
        if any(
            fnmatchcase(place, wanted) and fnmatchcase(parts.path or "/", path)
            for wanted, path in self._patterns
        ):
            return True
        return redirected and self._hub_is_allowed() and any(fnmatchcase(place, each) for each in _HUB_STORES)

    def _hub_is_allowed(self) -> bool:
        return self._hub[1] == _HUB or any(fnmatchcase(_HUB, wanted) for wanted, _ in self._patterns)


def _split(pattern: str) -> tuple[str, str]:
    bare = pattern.strip().partition("://")[2] or pattern.strip()
    host, _, path = bare.partition("/")
    return host.lower(), f"/{path}" if path else "*"

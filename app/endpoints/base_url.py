"""The address of a server, written in one way only. Pure."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from corral.app.endpoints.errors import InvalidBaseUrl

_USUAL_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_MOST_CHARACTERS = 2000


def normalised(text: str) -> str:
    """Without what may be left out: the usual port, trailing slashes, `/v1` at the end; http unless it says otherwise.

    Raises InvalidBaseUrl, also if it holds a user name or a password: keys have a place of their own.
    """
    given = text.strip()
    if not given or len(given) > _MOST_CHARACTERS:
        raise InvalidBaseUrl("is empty" if not given else f"has more than {_MOST_CHARACTERS} characters")
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise InvalidBaseUrl("is no address") from error
    if parts.scheme not in _USUAL_PORTS:
        raise InvalidBaseUrl("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise InvalidBaseUrl(
            "holds a user name or password: give the key as `api_key`, the address without them"
        )
    if parts.query or parts.fragment or "?" in given or "#" in given:
        raise InvalidBaseUrl("has a query or a fragment")
    written = _host(host)
    if port is not None and port != _USUAL_PORTS[parts.scheme]:
        written = f"{written}:{port}"
    return f"{parts.scheme}://{written}{_path(parts.path)}"


def is_own(base_url: str, *, hosts: Collection[str], port: int) -> bool:
    """Whether a normalised address is a front door of this machine: at its port, and one of its names (in lower case) or addresses."""
    parts = urlsplit(base_url)
    asked = parts.port or _USUAL_PORTS[parts.scheme]
    host = parts.hostname or ""
    return asked == port and (host in hosts or _is_here(host))


def _host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _host_name(host)
    if address.version == 6 and "%" in host:
        raise InvalidBaseUrl("names a zone; leave out what begins with %")
    return f"[{host}]" if address.version == 6 else host


def _host_name(host: str) -> str:
    """As DNS writes it (RFC 3490)."""
    try:
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise InvalidBaseUrl("names no host") from error
    if not _NAME.fullmatch(name) or name.replace(".", "").isdigit():
        raise InvalidBaseUrl("names no host")
    return name


def _path(path: str) -> str:
    if not path.isprintable() or " " in path:
        raise InvalidBaseUrl("has a path that can't be asked for")
    stripped = path.rstrip("/")
    return stripped.removesuffix("/v1").rstrip("/") if stripped.endswith("/v1") else stripped


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified

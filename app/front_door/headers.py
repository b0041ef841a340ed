"""Headers that belong to one connection only, and are not passed on (RFC 9110, 7.6.1). Pure."""

from collections.abc import Collection, Iterable

from corral.app.front_door.wire import Headers

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"expect",  # answered where the client waits
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def end_to_end(headers: Iterable[tuple[bytes, bytes]], *, without: Collection[bytes] = ()) -> Headers:
    """What to pass on, names in lower case: neither what concerns the connection, nor the names in `without`."""
    lower = [(name.lower(), bytes(value)) for name, value in headers]
    dropped = _HOP_BY_HOP.union(
        without,
        *(
            (each.strip().lower() for each in value.split(b","))
            for name, value in lower
            if name == b"connection"
        ),
    )
    return tuple(each for each in lower if each[0] not in dropped)

"""Where a machine can be reached: a host and a port."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_WRITTEN = re.compile(
    r"\[(?P<literal>[^\[\]]+)\](?::(?P<port6>[0-9]{1,5}))?|(?P<host>[^\[\]:\s]+)(?::(?P<port>[0-9]{1,5}))?"
)
_DNS_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*)(\.[A-Za-z0-9_-]+)*\.?")


class BadAddress(ValueError):
    """The text is no `host:port`; the message says what is expected."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An IPv4 or IPv6 literal (link-local ones with `%scope`) or a DNS name, and a port from 1 to 65535."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, default_port: int) -> Self:
        """Read `host`, `host:port`, `[ipv6]:port` or a bare IPv6 address. Raises BadAddress."""
        written = text.strip()
        if _literal(written) == 6:
            return cls(written, default_port)
        match = _WRITTEN.fullmatch(written)
        host = (match["literal"] or match["host"]) if match else ""
        kind = _literal(host)
        port = int((match["port6"] or match["port"] or default_port) if match else 0)
        right = kind == 6 if match and match["literal"] else kind == 4 or _DNS_NAME.fullmatch(host)
        if not right or not 1 <= port <= 65535:
            raise BadAddress(
                f"{text[:80]!r} is no address; write it like 192.168.1.20:32769 or laptop.example:32769"
            )
        return cls(host, port)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What `str` wrote; None for anything else, as from another machine or a file."""
        try:
            address = cls.parse(text, default_port=1)
        except BadAddress:
            return None
        return address if str(address) == text else None

    @property
    def is_link_local(self) -> bool:
        """Whether it is only good on one cable; an IPv6 one needs its `%scope`, which differs between machines."""
        return _literal(self.host) != 0 and ipaddress.ip_address(self.host).is_link_local

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _literal(host: str) -> int:
    """4 or 6 for an IP address, 0 for anything else."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0

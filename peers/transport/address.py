"""Where a peer may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A peer port. The host is an IPv4 or IPv6 literal (with %scope if link-local) or a DNS name."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

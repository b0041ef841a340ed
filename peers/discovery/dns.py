"""DNS records and messages, with the numbers of RFC 1035, RFC 3596 and RFC 6762. zeroconf's, which it doesn't list as exported."""

import ipaddress
import socket
from typing import Final

from zeroconf import (  # type: ignore[attr-defined]
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSText,
    current_time_millis,
)

__all__ = [
    "AAAA",
    "POINTER",
    "A",
    "DNSAddress",
    "DNSPointer",
    "DNSRecord",
    "DNSService",
    "DNSText",
    "address_record",
    "address_text",
    "answers",
    "is_valid",
    "query",
    "response",
]

A: Final = 1
POINTER: Final = 12
AAAA: Final = 28
_QUERY, _RESPONSE, _AUTHORITATIVE = 0x0000, 0x8000, 0x0400
_INTERNET = 1


def query(*questions: tuple[str, int]) -> DNSOutgoing:
    """Ask for these (name, record type), without known answers, so that everyone answers."""
    out = DNSOutgoing(_QUERY)
    for name, kind in questions:
        out.add_question(DNSQuestion(name, kind, _INTERNET))
    return out


def response(*records: DNSRecord) -> DNSOutgoing:
    """Tell these records unasked."""
    out = DNSOutgoing(_RESPONSE | _AUTHORITATIVE)
    for record in records:
        out.add_answer_at_time(record, 0)
    return out


def answers(packet: bytes) -> list[DNSRecord]:
    """The records of a response; none of a question, or of what can't be read."""
    incoming = DNSIncoming(packet)
    return incoming.answers() if incoming.valid and incoming.is_response() else []


def address_record(name: str, address: str, *, ttl: int) -> DNSAddress:
    """One of perhaps several machines' addresses of the name, for `ttl` seconds; 0 takes it back."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = AAAA if family == socket.AF_INET6 else A
    return DNSAddress(name, kind, _INTERNET, ttl, socket.inet_pton(family, address))


def address_text(record: DNSAddress) -> str:
    """The address as an IP literal without scope."""
    return str(ipaddress.ip_address(record.address))


def is_valid(record: DNSRecord) -> bool:
    """Whether its time to live is not over yet."""
    return not record.is_expired(current_time_millis())

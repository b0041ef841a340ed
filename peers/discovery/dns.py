"""DNS records and messages, with the numbers of RFC 1035, RFC 3596 and RFC 6762. zeroconf's, which it doesn't list as exported."""

from typing import Final

from zeroconf import (  # type: ignore[attr-defined]
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSText,
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

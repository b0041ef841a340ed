"""Reading and writing `host:port`."""

import pytest

from corral.peers.address import Address, BadAddress


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.168.1.20:5000", "192.168.1.20", 5000),
        ("192.168.1.20", "192.168.1.20", 32769),
        (" laptop.example:80 ", "laptop.example", 80),
        ("laptop", "laptop", 32769),
        ("[fe80::1%2]:5000", "fe80::1%2", 5000),
        ("[2001:db8::1]", "2001:db8::1", 32769),
        ("2001:db8::1", "2001:db8::1", 32769),
    ],
)
def test_what_a_person_may_write(text: str, host: str, port: int) -> None:
    assert Address.parse(text, default_port=32769) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "host:0",
        "host:65536",
        "host:port",
        "http://host:80",
        "[host]:80",
        "[]:80",
        "a b:80",
        "x" * 254,
        "fe80::g",
        "1.2.3.4:5:6",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadAddress, match="write it like"):
        Address.parse(text, default_port=32769)


@pytest.mark.parametrize("text", ["192.168.1.20:5000", "laptop:80", "[fe80::1%eth0]:5000"])
def test_written_as_it_is_read(text: str) -> None:
    assert str(Address.parse(text, default_port=1)) == text


@pytest.mark.parametrize(
    ("host", "link_local"),
    [("fe80::1%2", True), ("169.254.3.4", True), ("10.0.0.1", False), ("laptop", False), ("fd00::1", False)],
)
def test_link_local(host: str, link_local: bool) -> None:
    assert Address(host, 1).is_link_local is link_local


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1:80", Address("10.0.0.1", 80)),
        ("[fd00::1]:80", Address("fd00::1", 80)),
        ("10.0.0.1", None),
        ("fd00::1", None),
        ("nonsense:", None),
    ],
)
def test_what_others_wrote_is_taken_only_in_full(text: str, address: Address | None) -> None:
    assert Address.read(text) == address

"""Which addresses may be registered."""

import pytest

from corral.app.runtimes.address import usable_address
from corral.app.runtimes.errors import UnusableAddress


@pytest.mark.parametrize(
    ("text", "here", "kept"),
    [
        ("192.168.1.100", False, ("192.168.1.100", False)),
        (" 10.0.0.1 ", True, ("10.0.0.1", False)),
        ("FD00::0001", False, ("fd00::1", False)),
        ("::ffff:192.0.2.1", False, ("192.0.2.1", False)),
        ("127.0.0.1", True, ("127.0.0.1", True)),
        ("::1", True, ("::1", True)),
    ],
)
def test_addresses_are_kept_in_one_way(text: str, here: bool, kept: tuple[str, bool]) -> None:
    assert usable_address(text, from_this_machine=here) == kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "IP address"),
        ("alpha.local", "IP address"),
        ("192.168.1.100:8080", "IP address"),
        ("http://192.168.1.100", "IP address"),
        ("fe80::1%eth0", "zone"),
        ("0.0.0.0", "nothing can be reached"),
        ("::", "nothing can be reached"),
        ("224.0.0.251", "nothing can be reached"),
        ("255.255.255.255", "nothing can be reached"),
        ("127.0.0.1", "name for itself"),
        ("::ffff:127.0.0.1", "name for itself"),
    ],
)
def test_others_are_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(UnusableAddress, match=why) as refused:
        usable_address(text, from_this_machine=False)
    assert refused.value.param == "ip_address"

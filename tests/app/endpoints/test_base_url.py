"""Addresses of servers, written in one way."""

import pytest

from corral.app.endpoints.base_url import is_own, normalised
from corral.app.endpoints.errors import InvalidBaseUrl


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("http://192.168.1.5:11434", "http://192.168.1.5:11434"),
        (" http://192.168.1.5:11434/ ", "http://192.168.1.5:11434"),
        ("192.168.1.5:11434", "http://192.168.1.5:11434"),
        ("gpu-box:8000/v1", "http://gpu-box:8000"),
        ("http://GPU-Box.local.:8000/v1/", "http://gpu-box.local:8000"),
        ("http://h/v1//", "http://h"),
        ("http://h:80", "http://h"),
        ("https://h:443/proxy/llm/v1", "https://h/proxy/llm"),
        ("https://h:80", "https://h:80"),
        ("http://h/openai/v10", "http://h/openai/v10"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("HTTP://h", "http://h"),
        ("http://bücher.example", "http://xn--bcher-kva.example"),
    ],
)
def test_addresses_are_written_in_one_way(given: str, written: str) -> None:
    assert normalised(given) == written
    assert normalised(written) == written


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("h" * 2001, "2000 characters"),
        ("ftp://h", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("http://", "no host"),
        ("http://:8080", "no host"),
        ("http://two words", "no host"),
        ("http://h:99999", "no address"),
        ("http://h:port", "no address"),
        ("http://[::1", "no address"),
        ("http://[fe80::1%eth0]:1", "zone"),
        ("http://1.2.3", "no host"),
        ("http://-h", "no host"),
        ("http://a..b", "no host"),
        ("http://user:secret@h", "api_key"),
        ("http://h?key=secret", "query"),
        ("http://h/#there", "query"),
        ("http://h/a b", "path"),
        ("http://h/\x00", "path"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(given: str, words: str) -> None:
    with pytest.raises(InvalidBaseUrl) as error:
        normalised(given)
    assert words in error.value.message and "secret" not in error.value.message


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://localhost:32768", True),
        ("http://127.0.0.1:32768", True),
        ("http://127.9.9.9:32768", True),
        ("http://[::1]:32768", True),
        ("http://0.0.0.0:32768", True),
        ("http://desk:32768", True),
        ("http://localhost:11434", False),
        ("http://desk", False),
        ("http://other:32768", False),
        ("http://192.168.1.5:32768", False),
    ],
)
def test_front_doors_of_this_machine_are_known(url: str, own: bool) -> None:
    assert is_own(url, hosts={"desk", "desk.local"}, port=32768) is own

"""Whether and when a provider is asked once more, and what its refusals mean."""

from typing import Any

import orjson
import pytest

from corral.app.cloud.credentials import Credentials, plain_base_url
from corral.app.cloud.errors import CloudFailed, CloudKeyRefused, CloudRefused
from corral.app.cloud.providers import ANTHROPIC, GOOGLE, OPENAI, Provider
from corral.app.cloud.refusal import refusal
from corral.app.cloud.retry import pause_s, retry_after_s

NOW = 1_700_000_000.0
KEY = "the-key-0123456789"


@pytest.mark.parametrize(
    ("attempt", "status", "headers", "pause"),
    [
        (1, 429, {}, 0.5),
        (2, 429, {}, 1.0),
        (3, 429, {}, None),
        (1, 503, {"retry-after": "3"}, 3.0),
        (1, 529, {"retry-after": "8"}, 8.0),
        (1, 429, {"retry-after": "9"}, None),
        (1, 429, {"retry-after-ms": "20", "retry-after": "9"}, 0.02),
        (1, 429, {"retry-after": "soon"}, 0.5),
        (1, 500, {"x-should-retry": "false"}, None),
        (1, 0, {}, 0.5),
        (1, 200, {}, None),
        (1, 400, {}, None),
        (1, 401, {}, None),
        (1, 404, {}, None),
    ],
)
def test_pauses(attempt: int, status: int, headers: dict[str, str], pause: float | None) -> None:
    assert pause_s(attempt=attempt, status=status, headers=headers, random=0.5, now=NOW) == pause


def test_pauses_differ_a_little() -> None:
    found = [pause_s(attempt=1, status=429, headers={}, random=random, now=NOW) for random in (0.0, 1.0)]
    assert found == [0.375, 0.625]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("Tue, 14 Nov 2023 22:13:25 GMT", 5.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("", None),
    ],
)
def test_when_to_come_back(written: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": written}, now=NOW) == seconds


def refused(status: int, body: Any, provider: Provider = OPENAI, wait_s: float | None = None) -> Exception:
    return refusal(provider, status, orjson.dumps(body), api_key=KEY, retry_after_s=wait_s)


@pytest.mark.parametrize(
    ("status", "error", "type", "code", "param"),
    [
        (400, {"message": "no", "param": "n", "code": "odd"}, "invalid_request_error", "odd", "n"),
        (400, {"message": "no"}, "invalid_request_error", "invalid_value", None),
        (404, {"message": "no"}, "not_found_error", "model_not_found", "model"),
        (409, {"message": "no"}, "conflict_error", "invalid_value", None),
        (413, {"message": "no"}, "invalid_request_error", "body_too_large", None),
        (429, {"message": "no"}, "rate_limit_error", "rate_limit_exceeded", None),
        (
            429,
            {"message": "no", "code": "insufficient_quota"},
            "rate_limit_error",
            "insufficient_quota",
            None,
        ),
    ],
)
def test_what_clients_read(status: int, error: Any, type: str, code: str, param: str | None) -> None:
    found = refused(status, {"error": error}, wait_s=2.2)
    assert isinstance(found, CloudRefused)
    assert (found.status, found.retry_after_s) == (status, 2)
    assert found.told == {"message": "no", "type": type, "code": code, "param": param}


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (ANTHROPIC, "prompt is too long: 9 tokens > 5 maximum"),
        (GOOGLE, "The input token count (9) exceeds the maximum number of tokens allowed (5)."),
    ],
)
def test_a_prompt_that_is_too_long(provider: Provider, message: str) -> None:
    found = refused(400, {"error": {"message": message}}, provider)
    assert isinstance(found, CloudRefused) and found.told["code"] == "context_length_exceeded"


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_server_error(status: int) -> None:
    found = refused(status, {"type": "error", "error": {"type": "x", "message": "Overloaded"}}, ANTHROPIC)
    assert isinstance(found, CloudFailed)
    assert found.message == f"Anthropic failed with status {status}: Overloaded"


def test_an_address_that_has_moved() -> None:
    found = refused(301, {})
    assert isinstance(found, CloudFailed) and "base URL" in found.message


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"message": f"wrong key {KEY}"}),
        (403, {"message": f"{KEY} may not"}),
        (400, {"message": KEY, "details": [{"reason": "API_KEY_INVALID"}]}),
    ],
)
def test_a_key_that_is_refused_is_not_repeated(status: int, error: Any) -> None:
    found = refused(status, {"error": error})
    assert isinstance(found, CloudKeyRefused)
    assert "corral cloud set openai" in found.message and KEY not in found.message


def test_no_message_repeats_the_key() -> None:
    for status in (400, 404, 429, 500):
        found = refused(status, {"error": {"message": f"{KEY} and sk-abcdefghijklmnop"}})
        assert KEY not in str(vars(found)) and "abcdefgh" not in str(vars(found))
    assert KEY not in repr(Credentials(provider=OPENAI, api_key=KEY, base_url="https://a"))


@pytest.mark.parametrize(
    ("provider", "written", "plain"),
    [
        (OPENAI, "https://api.openai.com/v1/", "https://api.openai.com"),
        (OPENAI, " https://a.example/openai ", "https://a.example/openai"),
        (ANTHROPIC, "https://api.anthropic.com/", "https://api.anthropic.com"),
        (GOOGLE, "https://g.example/v1beta/", "https://g.example/v1beta"),
        (GOOGLE, "https://g.example/v1", "https://g.example/v1"),
    ],
)
def test_base_urls(provider: Provider, written: str, plain: str) -> None:
    assert plain_base_url(written, provider) == plain

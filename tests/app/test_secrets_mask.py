"""Secrets are found by name and by look."""

import pytest

from corral.app.secrets_mask import masked

KEY = "sk_" + "Ab12" * 8


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"key {KEY} used", "key sk_*** used"),
        ("sk-proj-abc_DEF-123456", "sk-***"),
        ("nt_0123456789abcdef", "nt_***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "***"),
        ("http://user:hush@host/path", "http://***@host/path"),
        ("http://host:80/path", "http://host:80/path"),
        ("a bearer of news", "a bearer *** news"),  # rather too much than too little
        ("risk_assessment ask_me", "risk_assessment ask_me"),
        ({"X-API-Key": "abc", "model": "m"}, {"X-API-Key": "***", "model": "m"}),
        ({"headers": [{"authorization": "abc"}]}, {"headers": [{"authorization": "***"}]}),
        ({"prompt_tokens": 3, "tokens": "x"}, {"prompt_tokens": 3, "tokens": "x"}),
        (KEY.encode(), "sk_***"),
        (ValueError(KEY), "sk_***"),
        ((1, None, True, 2.5), [1, None, True, 2.5]),
    ],
)
def test_masking(value: object, shown: object) -> None:
    assert masked(value) == shown

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
        ("GET http://user:h@sh@host/path?x=1", "GET http://***@host/path?x=1"),
        ("https://hush@host", "https://***@host"),
        ("mail to me@host", "mail to me@host"),
        ("inv_0123456789abcdef used", "inv_*** used"),
        ("hf_0123456789abcdefXYZ AIza0123456789abcdefXYZ", "hf_*** AIza***"),
        ("Authorization: hush", "Authorization: ***"),
        ("authorization: Digest username=hush, response=hush", "authorization: ***"),
        ("{'Authorization': 'hush', 'a': 1}", "{'Authorization': '***', 'a': 1}"),
        ("Cookie: corral_session=hush; theme=dark\nHost: a", "Cookie: ***\nHost: a"),
        ("[(b'set-cookie', b'id=hush; Path=/')]", "[(b'set-cookie', b'***')]"),
        ("X-API-Key: hush", "X-API-Key: ***"),
        ("X-Runtime-Token: hush", "X-Runtime-Token: ***"),
        ('{"password":"hush","user":"a"}', '{"password":"***","user":"a"}'),
        ("password=hush user=a", "password=*** user=a"),
        ("/v0/x?token=hush&page=2", "/v0/x?token=***&page=2"),
        ("unexpected token: }", "unexpected token: }"),
        (
            {"runtime_token": "hush", "session_secret": "hush"},
            {"runtime_token": "***", "session_secret": "***"},
        ),
        ({"X-API-Key": "abc", "model": "m"}, {"X-API-Key": "***", "model": "m"}),
        ({"headers": [{"authorization": "abc"}]}, {"headers": [{"authorization": "***"}]}),
        ({"prompt_tokens": 3, "tokens": "x"}, {"prompt_tokens": 3, "tokens": "x"}),
        (KEY.encode(), "sk_***"),
        (f"\udcff {KEY}", "\udcff sk_***"),  # of a file's name that is no UTF-8
        (ValueError(KEY), "sk_***"),
        ((1, None, True, 2.5), [1, None, True, 2.5]),
    ],
)
def test_masking(value: object, shown: object) -> None:
    assert masked(value) == shown

"""Taking secrets out of log entries: by the name of a field, and by what keys and tokens look like. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from corral.app.any_of import AnyOf

MASK = "***"
_NAMES = {
    "api_key",
    "authorization",
    "cookie",
    "key",
    "local_token",
    "password",
    "proxy_authorization",
    "secret",
    "set_cookie",
    "token",
    "x_api_key",
    "x_runtime_token",
}
_NAME_ENDS = ("_api_key", "_authorization", "_cookie", "_password", "_secret", "_token")
_SEPARATOR = r"""['"]?\s*[:=,]\s*(?:(?-i:b)(?=['"]))?['"]?"""  # between a name and its value, in headers, objects and Python's own notation
_PATTERNS = (
    (re.compile(r"\b(sk|nt|inv|ct)_[A-Za-z0-9]{8,}"), rf"\1_{MASK}"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"), f"sk-{MASK}"),
    (re.compile(r"\b(AIza|hf_|gh[opsu]_)[A-Za-z0-9_-]{16,}"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s'\",]+", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(rf"\b(authorization(?>{_SEPARATOR}))(?!Bearer\b|Basic\b)[^\r\n'\"]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(rf"\b((?:set-)?cookie{_SEPARATOR})[^\r\n'\"]+", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(
            rf"((?:password|passwd|secret|api[-_]?key|runtime-token){_SEPARATOR})[^\s'\",;&}}]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"([?&](?:key|token|access_token|code)=)[^&\s'\"]+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(://)[^/\s'\"]+@"), rf"\1{MASK}@"),
)


# What every pattern needs, in lower case: most texts have none of it.
HINTS = (
    *("sk_", "nt_", "inv_", "ct_", "sk-", "aiza", "hf_", "gho_", "ghp_", "ghs_", "ghu_", "eyj"),
    *("bearer", "basic", "authorization", "cookie", "passw", "secret", "apikey", "api_", "api-", "runtime-"),
    *("key=", "token=", "code=", "://"),
)
_HINTS = AnyOf(*HINTS)


def masked_text(text: str) -> str:
    """The text without anything that looks like a secret."""
    if not _HINTS.may_be_in(text.lower()):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def masked(value: Any) -> Any:
    """The value without secrets, inside lists and objects too. Numbers and the like pass."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, bytes):
        return masked_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {name: MASK if _names_a_secret(name) else masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked_text(str(value))


def _names_a_secret(name: object) -> bool:
    plain = name.lower().replace("-", "_") if isinstance(name, str) else ""
    return plain in _NAMES or plain.endswith(_NAME_ENDS)

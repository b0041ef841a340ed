"""What differs between Anthropic's models and has to be known before a request, read off their names. Pure."""

import re
from typing import Final

USUAL_MOST_TOKENS: Final = 32_000  # that every model since Claude 3.7 can generate
_MOST_TOKENS = {(3, 0): 4_096, (3, 5): 8_192}
_FREE_SINCE = (4, 6)
_AFTER_FAMILY = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")  # claude-opus-4-6
_BEFORE_FAMILY = re.compile(r"claude-(\d)(?:[-.](\d))?(?!\d)")  # claude-3-5-sonnet-20241022


def version(name: str) -> tuple[int, int] | None:
    """Of a model: (4, 6); None if its name doesn't say."""
    found = _AFTER_FAMILY.match(name) or _BEFORE_FAMILY.match(name)
    return None if found is None else (int(found[1]), int(found[2] or 0))


def most_tokens(name: str) -> int:
    """What an answer may have if the client sets no limit; Anthropic wants one."""
    found = version(name)
    return USUAL_MOST_TOKENS if found is None else _MOST_TOKENS.get(found, USUAL_MOST_TOKENS)


def can_think_freely(name: str) -> bool:
    """Whether it decides itself how much to think (`adaptive`); older ones need a budget of tokens."""
    found = version(name)
    return found is None or found >= _FREE_SINCE

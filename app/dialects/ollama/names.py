"""Models' names as Ollama's clients write them: there is always a tag, and `latest` is meant where none is. Pure."""

from collections.abc import Callable
from typing import Final

LATEST: Final = ":latest"


def listed_name(name: str, is_listed: Callable[[str], bool]) -> str:
    """The name to ask for: as it is if a model is listed by it, else without or with the tag `latest`."""
    if is_listed(name):
        return name
    if name.lower().endswith(LATEST):
        return name[: -len(LATEST)]
    return name + LATEST if ":" not in name and is_listed(name + LATEST) else name


def shown_name(id: str) -> str:
    """A listed model as clients expect to see it."""
    return id if ":" in id else id + LATEST

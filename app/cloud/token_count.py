"""Counting a prompt's tokens at a provider: the request without what only matters for the answer. Pure.

Source: https://platform.claude.com/docs/en/api/messages-count-tokens and https://ai.google.dev/api/tokens (countTokens).
"""

from typing import Any

from corral.app.cloud.call import Json
from corral.app.openai.token_count import TokenCountDocument
from corral.app.openai.translation import Translation
from corral.engines.events import Done, Event, TokenCount

COUNTED: Translation = Translation(document=TokenCountDocument)
_OF_ANTHROPIC = ("model", "messages", "system", "tools", "tool_choice", "thinking")
_OF_GOOGLE = ("contents", "systemInstruction", "tools")


class CountAnswer:
    """Reader of one answer; the tokens stand in `field`."""

    def __init__(self, field: str) -> None:
        self._field = field

    def document(self, json: Json) -> list[Event]:
        """Raises KeyError, TypeError and ValueError for what is no count."""
        return [TokenCount(tokens=int(json[self._field])), Done(prompt_tokens=0)]

    def event(self, json: Json) -> list[Event]:
        """Never streamed."""
        return []

    def end(self) -> list[Event]:
        """Never streamed."""
        return []


def anthropic_count(request: Json) -> dict[str, Any]:
    """Body of POST /v1/messages/count_tokens, from that of POST /v1/messages."""
    return {field: request[field] for field in _OF_ANTHROPIC if field in request}


def google_count(request: Json, name: str) -> dict[str, Any]:
    """Body of countTokens, from that of generateContent."""
    kept = {field: request[field] for field in _OF_GOOGLE if field in request}
    return {"generateContentRequest": {"model": f"models/{name}", **kept}}

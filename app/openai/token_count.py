"""How many tokens a chat's prompt has. OpenAI has no such request: the path and its body are this program's own."""

from typing import Any, Final

import orjson
from pydantic import ConfigDict

from corral.app.json_shape import JsonShape
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.engines.events import Event, TokenCount
from corral.engines.requests import TokenCountRequest

COUNT_PATH: Final = "/v1/messages/count_tokens"  # of the requests that the gateway forwards


class ChatToCount(JsonShape):
    """The chat lies inside, so that nobody takes the count for a prompt that was read."""

    model_config = ConfigDict(extra="allow")

    chat: ChatCompletionRequest

    def engine_request(self) -> TokenCountRequest:
        """Raises InvalidRequest."""
        return TokenCountRequest(prompt=self.chat.engine_request())


class TokenCountDocument:
    """Writer for one answer."""

    def __init__(self) -> None:
        self._tokens = 0

    def add(self, event: Event) -> None:
        if isinstance(event, TokenCount):
            self._tokens = event.tokens

    def document(self) -> bytes:
        return orjson.dumps({"input_tokens": self._tokens})


def count_body(chat: dict[str, Any]) -> dict[str, Any]:
    """The body that asks for the tokens of a chat completion's prompt."""
    return {"model": chat["model"], "chat": chat}

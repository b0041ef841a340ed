"""What Anthropic's clients ask for, Claude Code among them. Their list of models is a matter of /v1/models."""

from collections.abc import Sequence

from corral.app.api import dialect_answers as shapes
from corral.app.api.call import Call
from corral.app.api.route import EVENT_STREAM, JSON, Route
from corral.app.api.v1 import INFERENCE_ERRORS, Inference
from corral.app.dialects.anthropic.request import MessagesRequest, TokenCountBody
from corral.app.dialects.anthropic.service import MessagesService
from corral.app.dialects.asking import is_cloud
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import INFERENCE
from corral.engines.errors import ModelNotFound


class AnthropicRoutes:
    """Handlers of /v1/messages."""

    def __init__(self, *, gateway: Inference) -> None:
        self._gateway = gateway
        self._messages = MessagesService(forward=gateway.forward, chats=self._chats)

    async def create(self, call: Call) -> GatewayResponse:
        return await self._messages.create(call.inference())

    async def count(self, call: Call) -> GatewayResponse:
        return await self._messages.count(call.inference())

    def _chats(self, model: str) -> bool:
        if is_cloud(model):
            return True  # also those that aren't listed
        try:
            able = self._gateway.model(model)["capabilities"]
        except ModelNotFound:
            return False
        return bool(able["chat_completion"] or not able["inference"])  # of some servers nothing is known

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="POST",
                path="/v1/messages",
                handler=self.create,
                summary="Answer a chat, in Anthropic's dialect",
                access=INFERENCE,
                body=MessagesRequest,
                answer=shapes.AnthropicMessage,
                answer_types=(JSON, EVENT_STREAM),
                errors=INFERENCE_ERRORS,
                error=shapes.AnthropicError,
                needs_ready=True,
                recorded=True,
            ),
            Route(
                method="POST",
                path="/v1/messages/count_tokens",
                handler=self.count,
                summary="Count the tokens of a prompt, in Anthropic's dialect",
                access=INFERENCE,
                body=TokenCountBody,
                answer=shapes.TokenCount,
                errors=INFERENCE_ERRORS,
                error=shapes.AnthropicError,
                needs_ready=True,
                recorded=True,
            ),
        ]

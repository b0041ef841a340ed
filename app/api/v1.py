"""The OpenAI side: inference, models, responses."""

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from corral.app.api import answers
from corral.app.api.call import Call, json_answer
from corral.app.api.media_routes import MediaRoutes
from corral.app.api.route import EVENT_STREAM, JSON, Handler, Route
from corral.app.dialects.anthropic.models import model_info, model_page
from corral.app.dialects.dialect import ANTHROPIC_VERSION
from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse
from corral.app.gateway.principal import INFERENCE, LISTING
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.completions import TextCompletionRequest
from corral.app.openai.embeddings import EmbeddingsRequest
from corral.app.openai.rerank import RerankBody
from corral.app.openai.responses.request import ResponseRequest
from corral.app.openai.responses.service import ResponsesService

Shape = type[BaseModel]
_STREAMS = (JSON, EVENT_STREAM)
INFERENCE_ERRORS = (404, 429, 500, 502, 503, 504)


class Inference(Protocol):
    """What this needs of `gateway.Gateway`."""

    async def forward(self, request: GatewayRequest) -> GatewayResponse: ...

    def models(self) -> list[dict[str, Any]]: ...

    def model(self, id: str) -> dict[str, Any]: ...


class V1:
    """Handlers of /v1."""

    def __init__(self, *, gateway: Inference, responses: ResponsesService) -> None:
        self._gateway = gateway
        self._responses = responses

    async def infer(self, call: Call) -> GatewayResponse:
        return await self._gateway.forward(call.inference())

    async def rerank(self, call: Call) -> GatewayResponse:
        return await self._gateway.forward(call.inference("/v1/rerank"))

    async def models(self, call: Call) -> GatewayResponse:
        if ANTHROPIC_VERSION in call.headers:
            return json_answer(model_page(self._gateway.models(), call.query))
        return json_answer({"object": "list", "data": self._gateway.models()})

    async def model(self, call: Call) -> GatewayResponse:
        model = self._gateway.model(call.parameters["id"])
        return json_answer(model_info(model) if ANTHROPIC_VERSION in call.headers else model)

    async def create_response(self, call: Call) -> GatewayResponse:
        return await self._responses.create(call.inference())

    async def response(self, call: Call) -> GatewayResponse:
        return json_answer(await self._responses.get(call.parameters["id"], call.client))

    async def delete_response(self, call: Call) -> GatewayResponse:
        return json_answer(await self._responses.delete(call.parameters["id"], call.client))

    async def input_items(self, call: Call) -> GatewayResponse:
        return json_answer(await self._responses.input_items(call.parameters["id"], call.client))

    def routes(self) -> Sequence[Route]:
        media = MediaRoutes(forward=self._gateway.forward)
        return [
            *self._inference_routes(),
            *media.routes(),
            *self._model_routes(),
            *self._response_routes(),
        ]

    def _inference_routes(self) -> list[Route]:
        rows: list[tuple[str, Handler, str, Shape, Shape, tuple[str, ...]]] = [
            (
                "/v1/chat/completions",
                self.infer,
                "Answer a chat",
                ChatCompletionRequest,
                answers.ChatCompletion,
                _STREAMS,
            ),
            (
                "/v1/completions",
                self.infer,
                "Continue a text",
                TextCompletionRequest,
                answers.Completion,
                _STREAMS,
            ),
            (
                "/v1/embeddings",
                self.infer,
                "Turn texts into vectors",
                EmbeddingsRequest,
                answers.Embeddings,
                (JSON,),
            ),
            ("/v1/rerank", self.rerank, "Rank documents by relevance", RerankBody, answers.Ranking, (JSON,)),
            ("/rerank", self.rerank, "The same as /v1/rerank", RerankBody, answers.Ranking, (JSON,)),
            ("/v2/rerank", self.rerank, "The same as /v1/rerank", RerankBody, answers.Ranking, (JSON,)),
            (
                "/v1/responses",
                self.create_response,
                "Create a response",
                ResponseRequest,
                answers.Response,
                _STREAMS,
            ),
        ]
        return [
            Route(
                method="POST",
                path=path,
                handler=handler,
                summary=summary,
                access=INFERENCE,
                body=body,
                answer=answer,
                answer_types=types,
                errors=INFERENCE_ERRORS,
                needs_ready=True,
                recorded=True,
            )
            for path, handler, summary, body, answer, types in rows
        ]

    def _model_routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/v1/models",
                handler=self.models,
                summary="List the models",
                access=LISTING,
                answer=answers.Models,
            ),
            Route(
                method="GET",
                path="/v1/models/<path:id>",
                handler=self.model,
                summary="Show one model",
                access=LISTING,
                answer=answers.Model,
                errors=(404,),
            ),
        ]

    def _response_routes(self) -> list[Route]:
        path = "/v1/responses/<id>"
        rows: list[tuple[str, str, Handler, str, Shape]] = [
            ("GET", path, self.response, "Show a stored response", answers.Response),
            ("DELETE", path, self.delete_response, "Delete a stored response", answers.DeletedResponse),
            (
                "GET",
                f"{path}/input_items",
                self.input_items,
                "List what a response answered",
                answers.InputItems,
            ),
        ]
        return [
            Route(
                method=method,
                path=path,
                handler=handler,
                summary=summary,
                access=INFERENCE,
                answer=answer,
                errors=(404,),
            )
            for method, path, handler, summary, answer in rows
        ]

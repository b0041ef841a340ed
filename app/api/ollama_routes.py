"""What Ollama's clients ask for. A body is JSON whatever they call it: curl's `-d` says that it is a form."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from corral.app.api import dialect_answers as shapes
from corral.app.api.call import Call, json_answer, once
from corral.app.api.registry_routes import RegistryControl
from corral.app.api.request_errors import NoCounterpart
from corral.app.api.route import JSON, JSON_LINES, TEXT, Handler, Route
from corral.app.api.v1 import INFERENCE_ERRORS, Inference
from corral.app.dialects.ollama import library, pulls
from corral.app.dialects.ollama.names import listed_name
from corral.app.dialects.ollama.request import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, ModelBody
from corral.app.dialects.ollama.service import NDJSON, OllamaService
from corral.app.gateway.auth import check_allowed
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import INFERENCE, MANAGEMENT
from corral.app.openai.validation import validated
from corral.app.page.page_routes import for_browser, to_dashboard
from corral.app.registry.registry import Wanted
from corral.app.registry.repository import model_name
from corral.engines.errors import ModelNotFound
from corral.engines.model import ModelStatus

API_VERSION: Final = "0.12.6"  # of Ollama, whose clients look at it before they use what is newer
_STREAMS = (JSON, JSON_LINES)
_MANAGES = ("pull", "delete")
_ELSEWHERE = {
    "POST /api/copy": "a second name for a model is an alias: an administrator adds it with `corral aliases add`",
    "POST /api/create": "models are files here: put a GGUF file into a model folder of a machine",
    "POST /api/push": "models can't be pushed to a registry from here",
}


class OllamaRoutes:
    """Handlers of /api, and of / where clients look whether somebody is there."""

    def __init__(
        self,
        *,
        gateway: Inference,
        local: Callable[[], Sequence[ModelStatus]],
        registry: RegistryControl,
        copies: Callable[[], Sequence[Mapping[str, Any]]],
        version: str,
        now: Callable[[], float],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`local`: the models of this machine, of which more is known; `copies` that are under way, or ended lately;
        `version` is this program's."""
        self._gateway = gateway
        self._local = local
        self._registry = registry
        self._copies = copies
        self._version = version
        self._service = OllamaService(forward=gateway.forward, find=self._find, now=now, clock=clock)

    async def chat(self, call: Call) -> GatewayResponse:
        return await self._service.chat(call.inference())

    async def generate(self, call: Call) -> GatewayResponse:
        return await self._service.generate(call.inference())

    async def embed(self, call: Call) -> GatewayResponse:
        return await self._service.embed(call.inference())

    async def embeddings(self, call: Call) -> GatewayResponse:
        return await self._service.embeddings(call.inference())

    async def tags(self, call: Call) -> GatewayResponse:
        families = self._families()
        models = [library.tag(each, family=families.get(each["id"], "")) for each in self._gateway.models()]
        return json_answer({"models": models})

    async def running(self, call: Call) -> GatewayResponse:
        families = self._families()
        ready = [each for each in self._gateway.models() if each["ready"]]
        models = [library.running(each, family=families.get(each["id"], "")) for each in ready]
        return json_answer({"models": models})

    async def show(self, call: Call) -> GatewayResponse:
        document = self._named(validated(ModelBody, call.json).asked)
        return json_answer(library.shown(document, family=self._families().get(document["id"], "")))

    async def pull(self, call: Call) -> GatewayResponse:
        body = validated(ModelBody, call.json)
        name = pulls.repository_name(self._listed(body.asked))
        call.details["model"] = name
        known = self._find(name)
        if known is None:
            check_allowed(call.principal, MANAGEMENT)
        if known is not None and known["nodes"]:
            lines = pulls.there_already()
        else:
            copy = pulls.coming(name, self._copies())
            copy = copy or await self._registry.pull(Wanted(repo=name), to=None)
            lines = pulls.copy_lines(copy, self._copies)
        if body.stream is False:
            return json_answer(await pulls.last_of(lines))
        return GatewayResponse(
            status=200, headers={"content-type": NDJSON}, body=pulls.encoded(lines), streamed=True
        )

    async def delete(self, call: Call) -> GatewayResponse:
        name = model_name(self._listed(validated(ModelBody, call.json).asked))
        check_allowed(call.principal, MANAGEMENT)
        call.details["model"] = name
        await self._registry.remove(name, node=None)
        return json_answer({"status": "success"})

    async def version(self, call: Call) -> GatewayResponse:
        return json_answer({"version": API_VERSION, "corral": self._version})

    async def root(self, call: Call) -> GatewayResponse:
        """Programs look for Ollama's words here; people with a browser want the dashboard."""
        if for_browser(call):
            return to_dashboard()
        return GatewayResponse(
            status=200, headers={"content-type": "text/plain; charset=utf-8"}, body=once(b"Ollama is running")
        )

    async def elsewhere(self, call: Call) -> GatewayResponse:
        raise NoCounterpart(_ELSEWHERE[f"{call.method} {call.path}"])

    def _find(self, model: str) -> Mapping[str, Any] | None:
        try:
            return self._gateway.model(model)
        except ModelNotFound:
            return None

    def _listed(self, model: str) -> str:
        return listed_name(model, lambda name: self._find(name) is not None)

    def _named(self, model: str) -> Mapping[str, Any]:
        return self._gateway.model(self._listed(model))

    def _families(self) -> Mapping[str, str]:
        return {each.file.name: each.file.architecture for each in self._local()}

    def routes(self) -> Sequence[Route]:
        return [*self._inference_routes(), *self._model_routes(), *self._open_routes()]

    def _inference_routes(self) -> list[Route]:
        rows: list[tuple[str, Handler, str, type[BaseModel], type[BaseModel], tuple[str, ...]]] = [
            ("chat", self.chat, "Answer a chat", ChatBody, shapes.OllamaAnswer, _STREAMS),
            ("generate", self.generate, "Answer a prompt", GenerateBody, shapes.OllamaAnswer, _STREAMS),
            ("embed", self.embed, "Turn texts into vectors", EmbedBody, shapes.OllamaEmbeddings, (JSON,)),
            (
                "embeddings",
                self.embeddings,
                "Turn a text into a vector",
                EmbeddingsBody,
                shapes.OllamaEmbedding,
                (JSON,),
            ),
        ]
        return [
            Route(
                method="POST",
                path=f"/api/{name}",
                handler=handler,
                summary=f"{summary}, in Ollama's dialect",
                access=INFERENCE,
                body=body,
                answer=answer,
                answer_types=types,
                errors=INFERENCE_ERRORS,
                error=shapes.OllamaError,
                any_media_type=True,
                needs_ready=True,
                recorded=True,
            )
            for name, handler, summary, body, answer, types in rows
        ]

    def _model_routes(self) -> list[Route]:
        rows: list[tuple[str, str, Handler, str, type[BaseModel], tuple[str, ...]]] = [
            ("GET", "tags", self.tags, "List the models", shapes.OllamaModels, (JSON,)),
            ("GET", "ps", self.running, "List the loaded models", shapes.OllamaModels, (JSON,)),
            ("POST", "show", self.show, "Show one model", shapes.OllamaShown, (JSON,)),
            ("POST", "pull", self.pull, "Fetch a model", shapes.OllamaStatus, _STREAMS),
            ("POST", "create", self.elsewhere, "Say how models are made", shapes.OllamaStatus, (JSON,)),
            ("POST", "copy", self.elsewhere, "Say how models get names", shapes.OllamaStatus, (JSON,)),
            ("POST", "push", self.elsewhere, "Say that models stay here", shapes.OllamaStatus, (JSON,)),
            ("DELETE", "delete", self.delete, "Remove a model", shapes.OllamaStatus, (JSON,)),
        ]
        return [
            Route(
                method=method,
                path=f"/api/{name}",
                handler=handler,
                summary=f"{summary}, in Ollama's dialect",
                access=INFERENCE,
                body=None if method == "GET" else ModelBody,
                answer=answer,
                answer_types=types,
                errors=(403, 404, 409, 502, 503, 507)
                if name in _MANAGES
                else ()
                if method == "GET"
                else (404,),
                manages=name in _MANAGES,
                error=shapes.OllamaError,
                any_media_type=True,
            )
            for method, name, handler, summary, answer, types in rows
        ]

    def _open_routes(self) -> list[Route]:
        """Clients look whether somebody is there before they show who they are."""
        return [
            Route(
                method="GET",
                path="/api/version",
                handler=self.version,
                summary="Show the version of Ollama's dialect",
                answer=shapes.OllamaVersion,
                error=shapes.OllamaError,
                node_local=True,
            ),
            Route(
                method="GET",
                path="/",
                handler=self.root,
                summary="Say that somebody is there",
                answer_types=(TEXT,),
                node_local=True,
            ),
        ]

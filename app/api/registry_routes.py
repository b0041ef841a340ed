"""Models of a hub: registered, fetched, removed; their files for whoever may read them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, Field

from corral.app.api import copy_answers
from corral.app.api import registry_answers as shapes
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.query import text
from corral.app.api.route import Query, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT, READ_REGISTRY
from corral.app.openai.validation import validated
from corral.app.registry.quantization import Policy
from corral.app.registry.registry import Wanted
from corral.app.registry.repository import model_name
from corral.app.registry.selection import Wish

_PATH = "/v0/models"
_BYTES = "application/octet-stream"
_NODE = Query(name="node", description="Only this machine's files (name or id); the model stays registered.")

Document = Mapping[str, Any]


class RegistryControl(Protocol):
    """What can be done. Documents are as `registry_answers` shapes them; errors are of the folders that it uses."""

    async def register(self, wanted: Wanted) -> Document: ...

    async def pull(self, wanted: Wanted, *, to: str | None) -> Document: ...

    async def remove(self, name: str, *, node: str | None) -> Document: ...

    def documents(self) -> Sequence[Document]: ...

    def manifest(self, name: str) -> Document: ...


class ModelFiles(Protocol):
    """Bytes of registered models' files."""

    async def file(self, name: str, path: str, range_header: str | None) -> GatewayResponse: ...

    async def blob(self, name: str, range_header: str | None) -> GatewayResponse: ...


_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class NewModel(Strict):
    """`repo` is ORG/MODEL, or the URL of a repository or of a file. The other fields say which of its files are meant."""

    repo: _Text
    filename: _Text | None = None
    gguf_policy: Literal["quality", "memory", "speed"] | None = None
    format: Literal["gguf", "safetensors"] | None = None
    quantization: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    def wanted(self) -> Wanted:
        """As the registry takes it."""
        return Wanted(
            repo=self.repo,
            wish=Wish(
                format=self.format,
                filename=self.filename,
                policy=None if self.gguf_policy is None else Policy(self.gguf_policy),
                quantization=self.quantization,
            ),
        )


class NewPull(NewModel):
    """`repo` may also be the name of a model that a machine has. `to` is a machine's name or id; else the best one."""

    to: Annotated[str, Field(min_length=1, max_length=300)] | None = None


class RegistryRoutes:
    """Handlers of /v0/models."""

    def __init__(self, *, registry: RegistryControl, files: ModelFiles) -> None:
        self._registry = registry
        self._files = files

    async def show(self, call: Call) -> GatewayResponse:
        models = list(self._registry.documents())
        return json_answer({"models": models, "total": len(models)})

    async def register(self, call: Call) -> GatewayResponse:
        wanted = validated(NewModel, call.json)
        document = await self._registry.register(wanted.wanted())
        call.details["model"] = document["name"]
        return json_answer(document, status=201)

    async def pull(self, call: Call) -> GatewayResponse:
        wanted = validated(NewPull, call.json)
        call.details["model"] = wanted.repo
        return json_answer(await self._registry.pull(wanted.wanted(), to=wanted.to), status=202)

    async def remove(self, call: Call) -> GatewayResponse:
        name = model_name(call.parameters["name"])
        return json_answer(await self._registry.remove(name, node=text(call.query, "node")))

    async def manifest(self, call: Call) -> GatewayResponse:
        return json_answer(self._registry.manifest(model_name(call.parameters["name"])))

    async def file(self, call: Call) -> GatewayResponse:
        name, path = model_name(call.parameters["name"]), call.parameters["file"]
        return await self._files.file(name, path, call.headers.get("range"))

    async def blob(self, call: Call) -> GatewayResponse:
        return await self._files.blob(model_name(call.parameters["name"]), call.headers.get("range"))

    def routes(self) -> Sequence[Route]:
        return [*self._management(), *self._reading()]

    def _management(self) -> Sequence[Route]:
        def write(path: str, body: type[BaseModel], **rest: Any) -> Route:
            return Route(method="POST", path=f"{_PATH}/{path}", access=MANAGEMENT, body=body, **rest)

        return [
            write(
                "register",
                NewModel,
                handler=self.register,
                summary="Register a model of the hub; nothing is downloaded",
                answer=shapes.RegisteredModel,
                answer_statuses=(201,),
                errors=(403, 502, 503, 507),
            ),
            write(
                "pull",
                NewPull,
                handler=self.pull,
                summary="Let a machine fetch a model from other machines, else from the hub",
                answer=copy_answers.Copy,
                answer_statuses=(202,),
                errors=(403, 404, 409, 502, 503, 507),
            ),
            Route(
                method="DELETE",
                path=f"{_PATH}/<model:name>",
                handler=self.remove,
                summary="Remove a model: its files from all machines, and its registration",
                access=MANAGEMENT,
                queries=(_NODE,),
                answer=shapes.Deleted,
                errors=(400, 404, 409, 502, 507),
            ),
        ]

    def _reading(self) -> Sequence[Route]:
        def read(path: str, **rest: Any) -> Route:
            return Route(method="GET", path=f"{_PATH}{path}", access=READ_REGISTRY, **rest)

        return [
            read("", handler=self.show, summary="List the registered models", answer=shapes.RegisteredModels),
            read(
                "/registry/<path:name>/manifest.json",
                handler=self.manifest,
                summary="Tell which files a registered model has",
                answer=shapes.Manifest,
                errors=(400, 404),
            ),
            read(
                "/registry/<path:name>/files/<path:file>",
                handler=self.file,
                summary="Get a file of a registered model, or with Range a part of it",
                answer_types=(_BYTES,),
                answer_statuses=(200, 206),
                errors=(400, 403, 404, 416, 502, 503),
            ),
            read(
                "/blob/<path:name>",
                handler=self.blob,
                summary="Get the file of a registered model that has only one",
                answer_types=(_BYTES,),
                answer_statuses=(200, 206),
                errors=(400, 403, 404, 416, 502, 503),
            ),
        ]

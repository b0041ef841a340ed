"""Managing this node: its models, and its end."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from corral.app.api import answers
from corral.app.api.call import Call, json_answer
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import COMMANDS, MANAGEMENT
from corral.app.json_shape import JsonShape
from corral.app.openai.validation import validated
from corral.app.sharing.sharing import Sharing
from corral.engines.model import LoadedInfo, ModelStatus


class NodeModels(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def models(self) -> tuple[ModelStatus, ...]: ...

    async def load(self, name: str) -> LoadedInfo: ...

    async def unload(self, name: str) -> None: ...


class ModelChoice(JsonShape):
    """Names one model."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[str, Field(min_length=1, max_length=512)]


class SharingChoice(JsonShape):
    """Whether this machine works for itself only."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paused: bool


class NodeRoutes:
    """Handlers of /v0/node."""

    def __init__(
        self,
        *,
        models: NodeModels,
        on_stop: Callable[[], None],
        sharing: Sharing,
        show_window: Callable[[], bool],
    ) -> None:
        self._models = models
        self._sharing = sharing
        self._show_window = show_window
        self._on_stop = on_stop

    async def list(self, call: Call) -> GatewayResponse:
        models = [_document(status) for status in self._models.models()]
        return json_answer({"models": models, "total": len(models)})

    async def load(self, call: Call) -> GatewayResponse:
        info = await self._models.load(validated(ModelChoice, call.json).model)
        return json_answer({"loaded": _plain(info)})

    async def unload(self, call: Call) -> GatewayResponse:
        await self._models.unload(validated(ModelChoice, call.json).model)
        return json_answer({"unloaded": True})

    async def share(self, call: Call) -> GatewayResponse:
        self._sharing.set_paused(validated(SharingChoice, call.json).paused)
        call.details["paused"] = str(self._sharing.paused).lower()
        return json_answer({"paused": self._sharing.paused})

    async def window(self, call: Call) -> GatewayResponse:
        return json_answer({"shown": self._show_window()})

    async def stop(self, call: Call) -> GatewayResponse:
        self._on_stop()
        return json_answer({"stopping": True}, status=200)

    def routes(self) -> Sequence[Route]:
        errors = (404, 502, 503, 504)
        rows: list[
            tuple[str, str, Handler, str, type[BaseModel] | None, type[BaseModel], tuple[int, ...]]
        ] = [
            (
                "GET",
                "models",
                self.list,
                "List this node's models with live numbers",
                None,
                answers.NodeModels,
                (),
            ),
            ("POST", "models/load", self.load, "Load a model", ModelChoice, answers.Loaded, errors),
            ("POST", "models/unload", self.unload, "Unload a model", ModelChoice, answers.Unloaded, errors),
            (
                "PUT",
                "sharing",
                self.share,
                "Pause or resume working for other machines",
                SharingChoice,
                answers.Sharing,
                (),
            ),
            ("POST", "stop", self.stop, "Stop this node", None, answers.Stopping, ()),
        ]
        window = Route(
            method="POST",
            path="/v0/node/window",
            handler=self.window,
            summary="Bring the dashboard's window on this machine to the front",
            access=COMMANDS,
            answer=answers.Window,
            node_local=True,
        )
        return [
            window,
            *(
                Route(
                    method=method,
                    path=f"/v0/node/{path}",
                    handler=handler,
                    summary=summary,
                    access=MANAGEMENT,
                    body=body,
                    answer=answer,
                    errors=errors,
                    node_local=True,
                )
                for method, path, handler, summary, body, answer, errors in rows
            ),
        ]


def _document(status: ModelStatus) -> dict[str, Any]:
    """A model's status without what names places on this machine."""
    document = _plain(status)
    file = document.pop("file")
    del file["paths"], document["output_tail"]
    file_error = file.pop("error")
    return {**file, **document, "error": document["error"] or file_error}


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(value, enc_hook=str)
    return plain

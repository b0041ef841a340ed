"""Runtimes that register by HTTP: what they say, and what administrators do with them and see of all machines."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import orjson
from pydantic import BaseModel

from corral.app.api import dashboard_answers
from corral.app.api import runtime_answers as answers
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.log_routes import WANTED, wanted_of
from corral.app.api.query import whole_number
from corral.app.api.route import Handler, Query, Route
from corral.app.api.runtime_bodies import NewRuntime, RuntimeChange, RuntimeHeartbeat
from corral.app.gateway.auth import RUNTIME_TOKEN_HEADER, runtime_principal
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT, MANAGEMENT_OR_ITSELF, REGISTERING, PrincipalKind
from corral.app.log_reader import Wanted
from corral.app.openai.validation import validated
from corral.app.runtimes.errors import NoSuchRuntime, NotARuntime
from corral.app.runtimes.runtimes import Runtimes

_PATH = "/v0/runtimes"
_USUAL_TAIL, _MOST_TAIL = 200, 5000


class LogSource(Protocol):
    """What this needs of `runtimes.machine_logs.MachineLogs`."""

    async def newest(self, id: str, tail: int, wanted: Wanted) -> list[dict[str, Any]]: ...


class RuntimeRoutes:
    """Handlers of /v0/runtimes and /v0/health."""

    def __init__(
        self,
        *,
        runtimes: Runtimes,
        shown: Callable[[], Sequence[dict[str, Any]]],
        logs: LogSource,
    ) -> None:
        """`shown`: the documents of all machines that serve models, runtimes among them."""
        self._runtimes = runtimes
        self._shown = shown
        self._logs = logs

    async def register(self, call: Call) -> GatewayResponse:
        wanted = validated(NewRuntime, call.json)
        registration = wanted.registration(node=self._runtimes.node, from_this_machine=call.from_this_machine)
        done = await self._runtimes.register(registration)
        call.details.update(runtime=done.record.id, name=done.record.name)
        answer = {
            "runtime_id": done.record.id,
            "status": "registered" if done.new else "updated",
            "runtime_api_port": registration.api_port,
            "runtime_token": done.token,
        }
        return GatewayResponse(
            status=201 if done.new else 200,
            headers={**JSON_HEADERS, "cache-control": "no-store"},
            body=once(orjson.dumps(answer)),
        )

    async def hear(self, call: Call) -> GatewayResponse:
        said = validated(RuntimeHeartbeat, call.json)
        token = call.headers.get(RUNTIME_TOKEN_HEADER, "").strip()
        status = self._runtimes.hear(said.runtime_id, token, said.heartbeat())
        return json_answer({"runtime_id": said.runtime_id, "status": status.value})

    async def list(self, call: Call) -> GatewayResponse:
        runtimes = self._shown()
        return json_answer({"runtimes": runtimes, "total": len(runtimes)})

    async def metrics(self, call: Call) -> GatewayResponse:
        metrics = self._runtimes.metrics()
        return json_answer({"runtimes": metrics, "total": len(metrics)})

    async def remove(self, call: Call) -> GatewayResponse:
        id = self._registered(call)
        if call.principal.kind is PrincipalKind.RUNTIME and call.principal.id != runtime_principal(id):
            raise NoSuchRuntime
        await self._runtimes.remove(id)
        return json_answer({"removed": True})

    async def disconnect(self, call: Call) -> GatewayResponse:
        record = await self._runtimes.disconnect(self._registered(call))
        return json_answer(self._runtimes.document(record))

    async def set(self, call: Call) -> GatewayResponse:
        changes = validated(RuntimeChange, call.json).changes()
        call.details["changed"] = ", ".join(sorted(changes))
        record = await self._runtimes.set(self._registered(call), changes)
        return json_answer(self._runtimes.document(record))

    async def logs(self, call: Call) -> GatewayResponse:
        tail = whole_number(call.query, "tail", default=_USUAL_TAIL, low=1, high=_MOST_TAIL)
        entries = await self._logs.newest(call.parameters["id"], tail, wanted_of(call))
        return json_answer({"entries": entries, "total": len(entries)})

    def _registered(self, call: Call) -> str:
        """The id in the path. Raises NoSuchRuntime; NotARuntime if it is that of a machine of the cluster."""
        id = call.parameters["id"]
        try:
            return self._runtimes.record(id).id
        except NoSuchRuntime:
            for each in self._shown():
                if each["id"] == id:
                    raise NotARuntime(str(each["name"])) from None
            raise

    def routes(self) -> Sequence[Route]:
        one = f"{_PATH}/<id>"
        rows: list[
            tuple[str, str, Handler, str, type[BaseModel] | None, type[BaseModel], tuple[int, ...]]
        ] = [
            ("GET", _PATH, self.list, "List the machines and runtimes", None, dashboard_answers.Runtimes, ()),
            (
                "GET",
                f"{_PATH}/metrics",
                self.metrics,
                "The last numbers of all runtimes",
                None,
                answers.AllRuntimeMetrics,
                (),
            ),
            (
                "POST",
                f"{one}/disconnect",
                self.disconnect,
                "Disconnect a runtime until it registers again",
                None,
                answers.ShownRuntime,
                (404, 409, 507),
            ),
            (
                "PUT",
                f"{one}/settings",
                self.set,
                "Change a runtime's settings",
                RuntimeChange,
                answers.ShownRuntime,
                (404, 409, 507),
            ),
        ]
        return [
            *(_managing(*row) for row in rows),
            *self._runtimes_own(),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                summary="Remove a runtime; also it itself, with its token",
                access=MANAGEMENT_OR_ITSELF,
                answer=answers.RemovedRuntime,
                errors=(404, 409, 507),
            ),
            Route(
                method="GET",
                path=f"{one}/logs",
                handler=self.logs,
                summary="The log of a machine or a runtime, newest entries last",
                access=MANAGEMENT,
                answer=answers.RuntimeLogs,
                errors=(404, 502),
                queries=(_TAIL, *WANTED),
            ),
        ]

    def _runtimes_own(self) -> Sequence[Route]:
        """What runtimes ask."""
        return [
            Route(
                method="POST",
                path=_PATH,
                handler=self.register,
                summary="Register a runtime",
                access=REGISTERING,
                body=NewRuntime,
                answer=answers.RegisteredRuntime,
                answer_statuses=(200, 201),
                errors=(403, 409, 507),
            ),
            Route(
                method="POST",
                path="/v0/health",
                handler=self.hear,
                summary="Take a runtime's heartbeat",
                access=REGISTERING,
                body=RuntimeHeartbeat,
                answer=answers.HeardRuntime,
                errors=(401, 409),
                routine=True,
            ),
        ]


_TAIL = Query(
    name="tail",
    description="How many entries.",
    schema={"type": "integer", "minimum": 1, "maximum": _MOST_TAIL, "default": _USUAL_TAIL},
)


def _managing(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    body: type[BaseModel] | None,
    answer: type[BaseModel],
    errors: tuple[int, ...],
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=MANAGEMENT,
        body=body,
        answer=answer,
        errors=errors,
    )

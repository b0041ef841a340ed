"""Settings of the whole cluster: set once, in force on every machine."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from corral.app.api.answers import Open
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.request_errors import SettingNotFound
from corral.app.api.route import Handler, Route
from corral.app.cluster_settings import CLUSTER_ROWS, ClusterSettings
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated
from corral.app.settings import SettingsError
from corral.app.settings_table import shown
from corral.engines.errors import InvalidRequest

_PATH = "/v0/cluster/settings"


class ClusterSetting(Open):
    """`source` says where the value comes from: the cluster, or this machine's own settings."""

    name: str
    value: Any
    source: str
    help: str


class ClusterSettingList(Open):
    settings: list[ClusterSetting]
    total: int


class SettingValue(Strict):
    """Null: each machine's own setting counts again."""

    value: str | int | float | bool | None = Field(default=None)


class ClusterSettingsRoutes:
    """Handlers of /v0/cluster/settings."""

    def __init__(self, *, settings: ClusterSettings) -> None:
        self._settings = settings

    async def list(self, call: Call) -> GatewayResponse:
        found = [self._document(name) for name in sorted(CLUSTER_ROWS)]
        return json_answer({"settings": found, "total": len(found)})

    async def change(self, call: Call) -> GatewayResponse:
        name = call.parameters["id"]
        if name not in CLUSTER_ROWS:
            raise SettingNotFound(
                f"{name[:64]!r} can't be set for the whole cluster; these can: {', '.join(sorted(CLUSTER_ROWS))}"
            )
        value = validated(SettingValue, call.json).value
        call.details["setting"] = name
        call.details["value"] = "each machine's own" if value is None else shown(value)[:200]
        try:
            await self._settings.set(name, value)
        except SettingsError as error:
            raise InvalidRequest(str(error), param="value") from error
        return json_answer(self._document(name))

    def _document(self, name: str) -> dict[str, Any]:
        value = self._settings.get(name)
        return {
            "name": name,
            "value": value,
            "source": self._settings.current.sources.get(name, "default"),
            "help": CLUSTER_ROWS[name].help,
        }

    def routes(self) -> Sequence[Route]:
        rows: list[
            tuple[str, str, Handler, str, type[BaseModel] | None, type[BaseModel], tuple[int, ...]]
        ] = [
            ("GET", _PATH, self.list, "List the settings of the cluster", None, ClusterSettingList, ()),
            (
                "PUT",
                f"{_PATH}/<id>",
                self.change,
                "Change a setting of the cluster",
                SettingValue,
                ClusterSetting,
                (404,),
            ),
        ]
        return [
            Route(
                method=method,
                path=path,
                handler=handler,
                summary=summary,
                access=MANAGEMENT,
                body=body,
                answer=answer,
                errors=errors,
            )
            for method, path, handler, summary, body, answer, errors in rows
        ]

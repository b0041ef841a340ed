"""The settings of this very machine: seen, changed in `config.toml`, and taken up by a restart."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from corral.app.api import settings_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.request_errors import SettingNotFound, SettingsFileUnusable
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated
from corral.app.own_settings import OwnSettings, SettingState
from corral.app.setting_groups import GROUP_OF
from corral.app.settings import SettingsError
from corral.app.settings_change import setting_named
from corral.app.settings_file import SettingsFileError
from corral.app.settings_table import Setting, shown
from corral.app.times import rfc3339
from corral.engines.errors import InvalidRequest

_PATH = "/v0/settings"
_VARIABLE = re.compile(r"environment \((\w+)\)")


class NewValue(Strict):
    """A value, or text for it. Null takes it out of `config.toml`, so that the default counts."""

    value: str | int | float | bool | list[str] | None = Field(default=None)


class SettingsRoutes:
    """Handlers of /v0/settings and /v0/node/restart."""

    def __init__(self, *, settings: OwnSettings, node: str, on_restart: Callable[[], None]) -> None:
        self._settings = settings
        self._node = node
        self._on_restart = on_restart

    async def list(self, call: Call) -> GatewayResponse:
        state = await self._settings.state()
        return json_answer(
            {
                "node": self._node,
                "settings": [_document(each) for each in state.settings],
                "total": len(state.settings),
                "restart_needed": any(each.changes for each in state.settings),
                "since": rfc3339(state.since),
                "notices": state.notices,
                "file_error": state.file_error,
            }
        )

    async def change(self, call: Call) -> GatewayResponse:
        row = _row(call.parameters["id"])
        value = validated(NewValue, call.json).value
        call.details["setting"] = row.name
        call.details["value"] = "default" if value is None else "(secret)" if row.secret else _text(value)
        try:
            await self._settings.change(row, value)
        except SettingsError as error:
            raise InvalidRequest(str(error), param="value") from error
        except SettingsFileError as error:
            raise SettingsFileUnusable(str(error)) from error
        state = await self._settings.state()
        return json_answer(next(_document(each) for each in state.settings if each.row is row))

    async def restart(self, call: Call) -> GatewayResponse:
        state = await self._settings.state()
        if state.file_error is not None:
            raise SettingsFileUnusable(state.file_error)
        self._on_restart()
        return json_answer({"restarting": True})

    def routes(self) -> Sequence[Route]:
        rows: list[
            tuple[str, str, Handler, str, type[BaseModel] | None, type[BaseModel], tuple[int, ...]]
        ] = [
            ("GET", _PATH, self.list, "List this machine's settings", None, answers.OwnSettings, ()),
            (
                "PUT",
                f"{_PATH}/<id>",
                self.change,
                "Change a setting of this machine",
                NewValue,
                answers.OwnSetting,
                (404, 409),
            ),
            (
                "POST",
                "/v0/node/restart",
                self.restart,
                "Restart this node, with its settings read anew",
                None,
                answers.Restarting,
                (409,),
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
                node_local=True,
            )
            for method, path, handler, summary, body, answer, errors in rows
        ]


def _row(name: str) -> Setting:
    try:
        return setting_named(name)
    except SettingsError as error:
        raise SettingNotFound(str(error)) from error


def _document(state: SettingState) -> dict[str, Any]:
    row, kind = state.row, state.row.kind
    return {
        "name": row.name,
        "group": GROUP_OF[row.name],
        "help": row.help,
        "allowed": kind.allowed,
        "form": kind.form,
        "choices": kind.choices,
        "low": kind.low,
        "high": kind.high,
        "optional": kind.optional,
        "secret": row.secret,
        "cluster": row.cluster,
        "in_file": row.in_file,
        "variable": _variable(state),
        "default": None if row.secret else _json(row.default),
        "default_text": row.default_text,
        "value": None if row.secret else _json(state.value),
        "is_set": state.value is not None,
        "source": _source(state.source),
        "next_value": None if row.secret else _json(state.next_value),
        "next_source": _source(state.next_source),
        "restart_needed": state.changes,
    }


def _source(words: str) -> str:
    return "environment" if _VARIABLE.fullmatch(words) else words


def _variable(state: SettingState) -> str:
    found = _VARIABLE.fullmatch(state.source)
    return state.row.variable if found is None else found[1]


def _json(value: object) -> object:
    if isinstance(value, tuple):
        return [_json(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _text(value: object) -> str:
    return shown(tuple(value) if isinstance(value, list) else value)[:200]

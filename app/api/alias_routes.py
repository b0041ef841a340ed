"""Managing names that stand for several models: /v0/aliases."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from corral.app.api import endpoint_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.route import Route
from corral.app.endpoints.alias_book import AliasBook
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.model_rules import MAX_NAME_LENGTH
from corral.app.gateway.principal import READ_ENDPOINTS, WRITE_ENDPOINTS
from corral.app.openai.validation import validated

_PATH: Final = "/v0/aliases"
_Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
_Targets = Annotated[list[_Name], Field(min_length=1, max_length=100)]


class NewAlias(Strict):
    """A name for the models that are called like one of `targets` anywhere."""

    name: _Name
    targets: _Targets


class ChangedAlias(Strict):
    """What is missing stays."""

    name: _Name | None = None
    targets: _Targets | None = None


class AliasRoutes:
    """Handlers of /v0/aliases."""

    def __init__(self, *, aliases: AliasBook) -> None:
        self._aliases = aliases

    async def list(self, call: Call) -> GatewayResponse:
        aliases = self._aliases.documents()
        return json_answer({"aliases": aliases, "total": len(aliases)})

    async def create(self, call: Call) -> GatewayResponse:
        wanted = validated(NewAlias, call.json)
        call.details["name"] = wanted.name
        document = await self._aliases.create(name=wanted.name, targets=wanted.targets)
        return json_answer(document, status=201)

    async def update(self, call: Call) -> GatewayResponse:
        wanted = validated(ChangedAlias, call.json)
        call.details["changed"] = ", ".join(sorted(wanted.model_fields_set))
        document = await self._aliases.change(call.parameters["id"], name=wanted.name, targets=wanted.targets)
        return json_answer(document)

    async def remove(self, call: Call) -> GatewayResponse:
        call.details["name"] = await self._aliases.remove(call.parameters["id"])
        return json_answer({"removed": True})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=_PATH,
                handler=self.list,
                summary="List the aliases",
                access=READ_ENDPOINTS,
                answer=answers.Aliases,
            ),
            Route(
                method="POST",
                path=_PATH,
                handler=self.create,
                summary="Add an alias",
                access=WRITE_ENDPOINTS,
                body=NewAlias,
                answer=answers.Alias,
                answer_statuses=(201,),
            ),
            Route(
                method="PUT",
                path=f"{_PATH}/<id>",
                handler=self.update,
                summary="Change an alias",
                access=WRITE_ENDPOINTS,
                body=ChangedAlias,
                answer=answers.Alias,
                errors=(404,),
            ),
            Route(
                method="DELETE",
                path=f"{_PATH}/<id>",
                handler=self.remove,
                summary="Remove an alias",
                access=WRITE_ENDPOINTS,
                answer=answers.Removed,
                errors=(404,),
            ),
        ]

"""Endpoints that know aliases: to each of them an alias means what it calls the first of the targets that it has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from corral.app.endpoints.alias_book import Alias
from corral.app.gateway.endpoint import Endpoint, EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.standing import Machine, Standing

Aliases = Mapping[str, Alias]  # by name, in lower case


class AliasedEndpoint:
    """Another endpoint, that also has the models of these aliases. Answers name the alias, as they were asked to."""

    def __init__(self, endpoint: Endpoint, aliases: Aliases) -> None:
        self._endpoint = endpoint
        self._aliases = aliases

    @property
    def id(self) -> EndpointId:
        return self._endpoint.id

    @property
    def name(self) -> str:
        return self._endpoint.name

    def models(self) -> Sequence[ServedModel]:
        """With an entry for each alias. An alias takes the place of a model of its name."""
        models = self._endpoint.models()
        by_id = {model.id.lower(): model for model in models}
        listed: list[ServedModel] = []
        for alias in self._aliases.values():
            target = by_id.get((self.listed_name(alias.name) or "").lower())
            if target is not None:
                listed.append(replace(target, id=alias.name))
        hidden = {model.id.lower() for model in listed}
        return [*(model for model in models if model.id.lower() not in hidden), *listed]

    def listed_name(self, model: str) -> str | None:
        """Of an alias the id of what it means here: so both share what is known of its pace, and its slots."""
        return self._endpoint.listed_name(self._meant(model))

    def answers(self, path: str, model: str) -> bool:
        return self._endpoint.answers(path, self._meant(model))

    def slots(self, model: str) -> int:
        return self._endpoint.slots(self._meant(model))

    def machine(self) -> Machine:
        return self._endpoint.machine()

    def standing(self, model: str) -> Standing:
        return self._endpoint.standing(self._meant(model))

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """As its endpoint does."""
        meant = self._meant(request.model)
        return await self._endpoint.forward(
            request if meant == request.model else replace(request, model=meant)
        )

    def _meant(self, model: str) -> str:
        alias = self._aliases.get(model.strip().lower())
        if alias is None:
            return model
        known = (
            name for name in (*alias.targets, alias.name) if self._endpoint.listed_name(name) is not None
        )
        return next(known, model)


class AliasedEndpoints:
    """The endpoints of the gateway; without aliases they are as they were."""

    def __init__(self, endpoints: Callable[[], Sequence[Endpoint]], aliases: Callable[[], Aliases]) -> None:
        """`aliases` gives another object after each change."""
        self._endpoints = endpoints
        self._aliases = aliases
        self._wrapped: dict[EndpointId, tuple[Endpoint, AliasedEndpoint]] = {}
        self._known: Aliases = {}

    def __call__(self) -> Sequence[Endpoint]:
        endpoints, aliases = self._endpoints(), self._aliases()
        if aliases is not self._known or len(self._wrapped) > 2 * len(endpoints):
            self._known, self._wrapped = aliases, {}
        return [self._with_aliases(each) for each in endpoints] if aliases else endpoints

    def _with_aliases(self, endpoint: Endpoint) -> Endpoint:
        known = self._wrapped.get(endpoint.id)
        if known is None or known[0] is not endpoint:
            known = self._wrapped[endpoint.id] = endpoint, AliasedEndpoint(endpoint, self._known)
        return known[1]

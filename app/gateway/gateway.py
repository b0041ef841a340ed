"""The way of an inference request: may it, whose model is it, who answers and when, who is next if that fails."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import structlog

from corral.app.gateway.ability import able
from corral.app.gateway.admission import Admission, QueueObserver
from corral.app.gateway.arrivals import Arrivals, NoArrivals, is_listed, listing
from corral.app.gateway.chooser import Choice, Chooser, is_busy
from corral.app.gateway.continuation import Answering, Broken, ContinuedBody, goes_on_itself, who_goes_on
from corral.app.gateway.endpoint import Client, Endpoint, GatewayRequest, GatewayResponse
from corral.app.gateway.errors import NoCapableEndpoint, QuotaExceeded, queue_headers
from corral.app.gateway.experience import Experience
from corral.app.gateway.fair_queue import ClientKey
from corral.app.gateway.models import NOBODY, Download, download_of, merged, model_document
from corral.app.gateway.principal import PrincipalKind
from corral.app.gateway.quotas import Quotas
from corral.app.gateway.so_far import CONTINUED
from corral.engines.errors import EngineError, InvalidRequest, ModelNotFound

MAX_ATTEMPTS = 3
_LOG = structlog.get_logger(__name__)


def _forget(_model: str, _waited_s: float) -> None:
    """Nobody wants to know."""


class Gateway:
    """Forwards requests to endpoints. `endpoints` is asked for every request, so they may come and go."""

    def __init__(
        self,
        *,
        endpoints: Callable[[], Sequence[Endpoint]],
        admission: Admission | None = None,
        chooser: Chooser | None = None,
        quotas: Quotas | None = None,
        observer: QueueObserver | None = None,
        downloads: Callable[[], Mapping[str, Download]] = dict,
        on_waited: Callable[[str, float], None] = _forget,
        continue_streams: Callable[[], bool] = lambda: True,
        arrivals: Arrivals | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` gives Unix time. `chooser` knows the same admission. `downloads`: model in lower case → how it comes.

        `on_waited` hears of each request that waited: for which model, as it is listed, and how many seconds.
        `continue_streams`: whether streams that break go on at another endpoint.
        """
        self._endpoints = endpoints
        self._admission = admission or Admission(observer=observer)
        self._chooser = chooser or Chooser(admission=self._admission, experience=Experience(), now=now)
        self._quotas = Quotas() if quotas is None else quotas
        self._observer = observer
        self._downloads = downloads
        self._on_waited = on_waited
        self._continue_streams = continue_streams
        self._arrivals = arrivals or NoArrivals()
        self._now = now

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Raises EngineError or GatewayError before the first byte.

        An endpoint that fails before the first byte is followed by the next; an answer that says the request is
        wrong (4xx) is final. The body must be read to its end or closed: until then it holds a slot.
        """
        account = self._opened(request)
        try:
            having = listing(self._endpoints(), request.model)
            if not having:
                await self._arrivals.wait(request.model)
                having = may_answer(self._endpoints(), request.model)
            choice = self._chooser.choose(able(having, request.path, request.model), request)
            answer, endpoint = await self._answer(request, choice)
        except BaseException as error:
            account.close(answered=not isinstance(error, Exception))
            raise
        if not answer.streamed or request.path not in CONTINUED or not self._continue_streams():
            return answer.with_body(_HeldBody(answer.body, (account.close,)))
        whole = ContinuedBody(request, Answering(endpoint, answer.body), self._again)
        return answer.with_body(_HeldBody(whole, (account.close,)))

    def _having(self, request: GatewayRequest) -> list[Endpoint]:
        """Raises ModelLacksCapability."""
        return able(may_answer(self._endpoints(), request.model), request.path, request.model)

    async def _again(self, request: GatewayRequest, broken: Broken) -> tuple[Answering, GatewayResponse]:
        """Go on with a broken stream. Raises EngineError or GatewayError."""
        having = self._having(request)
        choice = self._chooser.choose(who_goes_on(having, broken, request.model), request)
        choice.add_last(goes_on_itself(having, broken, request.model))
        answer, endpoint = await self._answer(request, choice)
        return Answering(endpoint, answer.body), answer

    async def _answer(self, request: GatewayRequest, choice: Choice) -> tuple[GatewayResponse, Endpoint]:
        """The body holds a slot."""
        failure: Exception | None = None
        queued = False
        attempts = 0
        while choice.endpoints and attempts < MAX_ATTEMPTS:
            slot = await self._admission.admit(choice.worthwhile(), request.model, client_key(request.client))
            if slot.waited_s is not None:
                queued = True
                request.trace.queued_s += slot.waited_s
                self._on_waited(slot.endpoint.listed_name(request.model) or request.model, slot.waited_s)
            endpoint = slot.endpoint
            if not self._chooser.sent(endpoint, request, choice):
                slot.release()
                continue
            try:
                answer = await endpoint.forward(request)
            except BaseException as error:
                slot.release()
                self._chooser.failed(endpoint, request, error)
                if isinstance(error, InvalidRequest) or not isinstance(error, EngineError):
                    raise
                _LOG.info("endpoint failed", endpoint=endpoint.name, model=request.model, error=error.message)
                failure = error if failure is None or isinstance(failure, ModelNotFound) else failure
                attempts += not is_busy(error)
                choice.drop(endpoint)
                continue
            self._chooser.answered(endpoint, request)
            self._admission.look_again()
            request.trace.endpoint_id, request.trace.endpoint_name = endpoint.id, endpoint.name
            waited = queue_headers(request.trace.queued_s) if queued else {}
            ended = partial(self._chooser.ended, endpoint, request)
            held = GatewayResponse(
                status=answer.status,
                headers={**answer.headers, **_who(endpoint), **waited},
                body=_HeldBody(answer.body, (slot.release, ended)),
                streamed=answer.streamed,
            )
            return held, endpoint
        raise failure or NoCapableEndpoint(
            f"nobody can serve model {request.model!r} now; see GET /v1/models", param="model"
        )

    def _opened(self, request: GatewayRequest) -> "_Account":
        """Raises QuotaExceeded."""
        account = _Account(request, self._quotas, self._now)
        try:
            account.open()
        except QuotaExceeded as error:
            if self._observer is not None:
                self._observer.refused(error.code)
            raise
        return account

    def models(self) -> list[dict[str, Any]]:
        """Every model of every endpoint, once each, as GET /v1/models lists them."""
        endpoints = [each for each in self._endpoints() if each.machine().online]
        by_id = merged((endpoint.name, endpoint.models()) for endpoint in endpoints)
        for model in self._arrivals.models():
            if not is_listed(endpoints, model.id):
                by_id.setdefault(model.id, {NOBODY: model})
        coming = self._downloads()
        return [model_document(found, download_of(coming, found)) for _, found in sorted(by_id.items())]

    def model(self, id: str) -> dict[str, Any]:
        """Raises ModelNotFound."""
        for document in self.models():
            if document["id"].lower() == id.lower():
                return document
        raise ModelNotFound(f"there is no model {id[:100]!r}; see GET /v1/models", param="model")


def may_answer(endpoints: Sequence[Endpoint], model: str) -> list[Endpoint]:
    """Those online that list the model; if nobody at all lists it this machine, where a file may just have been added."""
    having = [each for each in endpoints if each.listed_name(model) is not None]
    if not having:
        return [each for each in endpoints if each.machine().local] or list(endpoints)
    return [each for each in having if each.machine().online]


def client_key(client: Client) -> ClientKey:
    """Whose requests share the slots fairly with those of others."""
    return ClientKey(client.owner_id or client.address)


class _Account:
    """What one request costs its API key. Others than keys have no quota."""

    def __init__(self, request: GatewayRequest, quotas: Quotas, now: Callable[[], float]) -> None:
        who = request.client.principal
        self._key = who if who is not None and who.kind is PrincipalKind.API_KEY else None
        self._trace = request.trace
        self._quotas = quotas
        self._now = now
        self._opened_at = 0.0

    def open(self) -> None:
        """Count the request. Raises QuotaExceeded."""
        if self._key is not None:
            self._opened_at = self._now()
            self._quotas.begin(self._key.id, self._key.quota, now=self._opened_at)

    def close(self, *, answered: bool = True) -> None:
        """Count the tokens; a request that was refused or failed doesn't count at all."""
        if self._key is None:
            return
        if answered:
            self._quotas.add_tokens(self._key.id, self._trace.tokens, now=self._now())
        else:
            self._quotas.take_back(self._key.id, began_at=self._opened_at)


class _HeldBody:
    """Passes an answer on, and lets go of what it holds when it ends or is closed, whatever happens."""

    def __init__(self, body: AsyncIterator[bytes], let_go: Sequence[Callable[[], None]]) -> None:
        self._body = body
        self._let_go = let_go

    def __aiter__(self) -> "_HeldBody":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException:  # a cancel too: then the body says in `aclose` what it took until now
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close what is passed on."""
        try:
            if close := getattr(self._body, "aclose", None):
                await close()
        finally:
            self._end()

    def _end(self) -> None:
        let_go, self._let_go = self._let_go, ()
        for each in let_go:
            each()


def _who(endpoint: Endpoint) -> dict[str, str]:
    return {"x-corral-node": _printable(endpoint.name), "x-corral-endpoint": endpoint.id}


@lru_cache(maxsize=1024)
def _printable(name: str) -> str:
    """A machine may be called anything."""
    return "".join(each if " " <= each <= "~" else "?" for each in name)

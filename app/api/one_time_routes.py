"""Signing in without a password, for whoever runs this machine: the tray and `corral open` get a token, the page uses it."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from corral.app.api import people_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.request_errors import InvalidOneTimeToken, NotReady
from corral.app.api.route import Route
from corral.app.api.signing_in import signed_in
from corral.app.gateway.auth import came_through_a_proxy
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import COMMANDS, Role
from corral.app.openai.validation import validated
from corral.app.people.one_time_tokens import LIFETIME_S, OneTimeTokens
from corral.app.people.sessions import Sessions
from corral.app.store.users import User, Users


class OneTimeToken(Strict):
    """A token of this machine."""

    token: Annotated[str, Field(min_length=1, max_length=256)]


class OneTimeRoutes:
    """Handlers of /v0/auth/one-time and /v0/auth/one-time-tokens. Each machine answers them itself."""

    def __init__(
        self, *, tokens: OneTimeTokens, users: Users, sessions: Sessions, now: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._users = users
        self._sessions = sessions
        self._now = now

    async def mint(self, call: Call) -> GatewayResponse:
        if not call.from_this_machine:
            raise InvalidOneTimeToken
        return json_answer({"token": self._tokens.mint(), "expires_in_s": int(LIFETIME_S)}, status=201)

    async def sign_in(self, call: Call) -> GatewayResponse:
        """As the first administrator: whoever may read the node's files is one anyway."""
        wanted = validated(OneTimeToken, call.json)
        here = call.from_this_machine and not came_through_a_proxy(call.headers)
        if not (here and self._tokens.take(wanted.token)):
            raise InvalidOneTimeToken
        user = self._administrator()
        call.details["username"] = user.username
        await self._users.signed_in(user.id, now=self._now())
        return signed_in(self._sessions, self._users.get(user.id) or user, call)

    def _administrator(self) -> User:
        for user in self._users.all():
            if user.role is Role.ADMIN:
                return user
        raise NotReady  # a machine that has just joined: the users are on their way

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="POST",
                path="/v0/auth/one-time",
                handler=self.sign_in,
                summary="Sign in with a token of this machine",
                body=OneTimeToken,
                answer=answers.SignedIn,
                errors=(401, 503),
                node_local=True,
            ),
            Route(
                method="POST",
                path="/v0/auth/one-time-tokens",
                handler=self.mint,
                summary="Make a token that signs in once, from this machine",
                access=COMMANDS,
                answer=answers.OneTimeToken,
                answer_statuses=(201,),
                node_local=True,
            ),
        ]

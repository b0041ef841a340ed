"""Signing in and out, one's own password, and registering with an invitation."""

import time
from collections.abc import Callable, Sequence

from corral.app.api import people_answers as answers
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.people_bodies import ChangedPassword, Login, Registration
from corral.app.api.request_errors import (
    DuplicateName,
    InvalidInvitation,
    TooManyLogins,
    UserNotFound,
    WrongPassword,
)
from corral.app.api.route import Route
from corral.app.api.signing_in import session_cookie, signed_in
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import OWN_SESSION, Role, Session
from corral.app.openai.validation import validated
from corral.app.people.login_limit import LoginLimit
from corral.app.people.passwords import Passwords
from corral.app.people.sessions import Sessions
from corral.app.store.invitations import Invitations
from corral.app.store.revoked_sessions import RevokedSessions
from corral.app.store.users import DuplicateUser, User, Users
from corral.app.times import rfc3339

_PATH = "/v0/auth"


class AuthRoutes:
    """Handlers of /v0/auth."""

    def __init__(
        self,
        *,
        users: Users,
        passwords: Passwords,
        sessions: Sessions,
        revoked: RevokedSessions,
        invitations: Invitations,
        now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._sessions = sessions
        self._revoked = revoked
        self._invitations = invitations
        self._limit = LoginLimit()
        self._now = now
        self._clock = clock

    async def login(self, call: Call) -> GatewayResponse:
        wanted = validated(Login, call.json)
        call.details["username"] = wanted.username
        user = await self._checked(call.client.address, wanted.username, wanted.password)
        if self._passwords.is_outdated(user.password_hash):
            await self._users.rehash(user, await self._passwords.hash(wanted.password))
        await self._users.signed_in(user.id, now=self._now())
        return signed_in(self._sessions, self._users.get(user.id) or user, call)

    async def logout(self, call: Call) -> GatewayResponse:
        await self._revoked.add(_session(call))
        headers = {**JSON_HEADERS, "set-cookie": session_cookie("", 0, call)}
        return GatewayResponse(status=200, headers=headers, body=once(b'{"signed_out":true}'))

    async def me(self, call: Call) -> GatewayResponse:
        session = _session(call)
        return json_answer(
            {
                "user": {"id": session.user_id, "username": session.username, "role": session.role.value},
                "csrf_token": session.csrf,
                "expires_at": rfc3339(session.expires_at),
            }
        )

    async def change_password(self, call: Call) -> GatewayResponse:
        """Other sessions of the user end; this one goes on with the new token."""
        wanted = validated(ChangedPassword, call.json)
        session = _session(call)
        try:
            user = await self._checked(call.client.address, session.username, wanted.current_password)
        except WrongPassword as error:
            raise WrongPassword(param="current_password") from error
        hashed = await self._passwords.hash(wanted.new_password)
        changed = await self._users.change(user.id, password_hash=hashed)
        if changed is None:
            raise UserNotFound
        return signed_in(self._sessions, changed, call)

    async def register(self, call: Call) -> GatewayResponse:
        wanted = validated(Registration, call.json)
        call.details["username"] = wanted.username
        self._check_limit(call.client.address, "")
        if self._users.named(wanted.username) is not None:
            raise DuplicateName(wanted.username)
        hashed = await self._passwords.hash(wanted.password)
        invitation = await self._invitations.take(wanted.code, now=self._now())
        if invitation is None:
            self._limit.failed(call.client.address, "", now=self._clock())
            raise InvalidInvitation
        try:
            user = await self._users.create(
                username=wanted.username, password_hash=hashed, role=Role.VIEWER, now=self._now()
            )
        except BaseException as error:
            await self._invitations.give_back(invitation)
            if isinstance(error, DuplicateUser):
                raise DuplicateName(wanted.username) from error
            raise
        await self._invitations.used_by(invitation, user.id)
        return signed_in(self._sessions, user, call, status=201)

    async def _checked(self, address: str, username: str, password: str) -> User:
        self._check_limit(address, username)
        user = self._users.named(username)
        fits = await self._passwords.matches(None if user is None else user.password_hash, password)
        if user is None or not fits:
            self._limit.failed(address, username, now=self._clock())
            raise WrongPassword
        self._limit.succeeded(address, username)
        return user

    def _check_limit(self, address: str, username: str) -> None:
        if (wait_s := self._limit.wait_s(address, username, now=self._clock())) > 0:
            raise TooManyLogins(wait_s)

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="POST",
                path=f"{_PATH}/login",
                handler=self.login,
                summary="Sign in",
                body=Login,
                answer=answers.SignedIn,
                errors=(401, 429),
            ),
            Route(
                method="POST",
                path=f"{_PATH}/logout",
                handler=self.logout,
                summary="Sign out",
                access=OWN_SESSION,
                answer=answers.SignedOut,
                errors=(507,),
            ),
            Route(
                method="GET",
                path=f"{_PATH}/me",
                handler=self.me,
                summary="Who is signed in",
                access=OWN_SESSION,
                answer=answers.Me,
            ),
            Route(
                method="PUT",
                path=f"{_PATH}/password",
                handler=self.change_password,
                summary="Change one's password",
                access=OWN_SESSION,
                body=ChangedPassword,
                answer=answers.SignedIn,
                errors=(404, 429, 507),
            ),
            Route(
                method="POST",
                path=f"{_PATH}/register",
                handler=self.register,
                summary="Register with an invitation",
                body=Registration,
                answer=answers.SignedIn,
                answer_statuses=(201,),
                errors=(429, 507),
            ),
        ]


def _session(call: Call) -> Session:
    session = call.principal.session
    assert session is not None, "OWN_SESSION lets sessions in only"
    return session

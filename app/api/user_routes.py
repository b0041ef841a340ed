"""Managing users and invitations."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from corral.app.api import people_answers as answers
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.people_bodies import ChangedUser, NewUser
from corral.app.api.request_errors import DuplicateName, InvitationNotFound, LastAdminStays, UserNotFound
from corral.app.api.route import Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT, Role
from corral.app.openai.validation import validated
from corral.app.people.passwords import Passwords
from corral.app.store.invitations import Invitation, Invitations
from corral.app.store.users import DuplicateUser, LastAdmin, User, Users
from corral.app.times import rfc3339

_USERS = "/v0/users"
_INVITATIONS = "/v0/invitations"


class UserRoutes:
    """Handlers of /v0/users."""

    def __init__(self, *, users: Users, passwords: Passwords, now: Callable[[], float]) -> None:
        self._users = users
        self._passwords = passwords
        self._now = now

    async def list(self, call: Call) -> GatewayResponse:
        users = [_user(user) for user in self._users.all()]
        return json_answer({"users": users, "total": len(users)})

    async def create(self, call: Call) -> GatewayResponse:
        wanted = validated(NewUser, call.json)
        call.details["username"] = wanted.username
        if self._users.named(wanted.username) is not None:
            raise DuplicateName(wanted.username)
        try:
            user = await self._users.create(
                username=wanted.username,
                password_hash=await self._passwords.hash(wanted.password),
                role=Role(wanted.role),
                now=self._now(),
            )
        except DuplicateUser as error:
            raise DuplicateName(wanted.username) from error
        return json_answer(_user(user), status=201)

    async def change(self, call: Call) -> GatewayResponse:
        wanted = validated(ChangedUser, call.json)
        call.details["changed"] = ", ".join(sorted(wanted.model_fields_set))
        hashed = None if wanted.password is None else await self._passwords.hash(wanted.password)
        try:
            user = await self._users.change(
                call.parameters["id"],
                username=wanted.username,
                password_hash=hashed,
                role=None if wanted.role is None else Role(wanted.role),
            )
        except DuplicateUser as error:
            raise DuplicateName(wanted.username or "") from error
        except LastAdmin as error:
            raise LastAdminStays from error
        if user is None:
            raise UserNotFound
        call.details["username"] = user.username
        return json_answer(_user(user))

    async def remove(self, call: Call) -> GatewayResponse:
        if (user := self._users.get(call.parameters["id"])) is not None:
            call.details["username"] = user.username
        try:
            if not await self._users.remove(call.parameters["id"]):
                raise UserNotFound
        except LastAdmin as error:
            raise LastAdminStays from error
        return json_answer({"deleted": True})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=_USERS,
                handler=self.list,
                summary="List the users",
                access=MANAGEMENT,
                answer=answers.Users,
            ),
            Route(
                method="POST",
                path=_USERS,
                handler=self.create,
                summary="Make a user",
                access=MANAGEMENT,
                body=NewUser,
                answer=answers.User,
                answer_statuses=(201,),
                errors=(507,),
            ),
            Route(
                method="PUT",
                path=f"{_USERS}/<id>",
                handler=self.change,
                summary="Change a user",
                access=MANAGEMENT,
                body=ChangedUser,
                answer=answers.User,
                errors=(404, 507),
            ),
            Route(
                method="DELETE",
                path=f"{_USERS}/<id>",
                handler=self.remove,
                summary="Remove a user",
                access=MANAGEMENT,
                answer=answers.Deleted,
                errors=(400, 404, 507),
            ),
        ]


class InvitationRoutes:
    """Handlers of /v0/invitations."""

    def __init__(self, *, invitations: Invitations, now: Callable[[], float]) -> None:
        self._invitations = invitations
        self._now = now

    async def list(self, call: Call) -> GatewayResponse:
        found = [_invitation(each) for each in await self._invitations.list()]
        return json_answer({"invitations": found, "total": len(found)})

    async def create(self, call: Call) -> GatewayResponse:
        code, invitation = await self._invitations.create(created_by=call.principal.name, now=self._now())
        return GatewayResponse(
            status=201,
            headers={**JSON_HEADERS, "cache-control": "no-store"},
            body=once(orjson.dumps({**_invitation(invitation), "code": code})),
        )

    async def remove(self, call: Call) -> GatewayResponse:
        if not await self._invitations.remove(call.parameters["id"]):
            raise InvitationNotFound
        return json_answer({"deleted": True})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=_INVITATIONS,
                handler=self.list,
                summary="List the invitations",
                access=MANAGEMENT,
                answer=answers.Invitations,
            ),
            Route(
                method="POST",
                path=_INVITATIONS,
                handler=self.create,
                summary="Invite somebody",
                access=MANAGEMENT,
                answer=answers.NewInvitation,
                answer_statuses=(201,),
                errors=(507,),
            ),
            Route(
                method="DELETE",
                path=f"{_INVITATIONS}/<id>",
                handler=self.remove,
                summary="Withdraw an invitation",
                access=MANAGEMENT,
                answer=answers.Deleted,
                errors=(404, 507),
            ),
        ]


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "role": user.role.value,
        "created_at": rfc3339(user.created_at),
        "last_login_at": None if user.last_login_at is None else rfc3339(user.last_login_at),
    }


def _invitation(each: Invitation) -> dict[str, Any]:
    return {
        "id": each.id,
        "code_prefix": each.code_prefix,
        "created_at": rfc3339(each.created_at),
        "created_by": each.created_by,
        "expires_at": rfc3339(each.expires_at),
        "used_at": None if each.used_at is None else rfc3339(each.used_at),
        "used_by": each.used_by,
    }

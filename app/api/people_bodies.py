"""What may be sent about people."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.people.passwords import LONGEST, SHORTEST


def _is_name(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be printable and not begin or end with a space")
    return text


Username = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_name)]
Password = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST)]
AnyPassword = Annotated[str, Field(min_length=1, max_length=LONGEST)]
RoleName = Literal["admin", "viewer"]


class Strict(JsonShape):
    """Unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Login(Strict):
    """Who, and the proof."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: AnyPassword


class NewUser(Strict):
    """A user to make."""

    username: Username
    password: Password
    role: RoleName = "viewer"


class ChangedUser(Strict):
    """What is left out stays. A new password or role ends the user's sessions."""

    username: Username | None = None
    password: Password | None = None
    role: RoleName | None = None


class ChangedPassword(Strict):
    """One's own."""

    current_password: AnyPassword
    new_password: Password


class Registration(Strict):
    """A user made with an invitation."""

    code: Annotated[str, Field(min_length=1, max_length=100)]
    username: Username
    password: Password

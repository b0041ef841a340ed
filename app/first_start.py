"""What a new database gets: the first API key and the first administrator."""

import time
from dataclasses import dataclass

import structlog

from corral.app.gateway.auth import digest_of
from corral.app.gateway.principal import Role
from corral.app.people.passwords import Passwords, new_password
from corral.app.settings_table import Settings
from corral.app.store.api_keys import ApiKeys
from corral.app.store.users import Users

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCredentials:
    """What people have to be shown, once. None: it was given by a setting, or is from an earlier start."""

    key: str | None = None
    key_given: bool = False
    admin: str | None = None  # set if the administrator was made now
    password: str | None = None


async def make_first_credentials(
    *, settings: Settings, keys: ApiKeys, users: Users, passwords: Passwords, joined: bool = False
) -> FirstCredentials:
    """Make what isn't there yet. A given key or password that comes too late is warned about.

    Nothing is made on a machine that `joined` a cluster: the others have keys and users, which are here or on their way.
    """
    if joined:
        return FirstCredentials()
    key = await _first_key(settings, keys)
    admin, password = await _first_admin(settings, users, passwords)
    given = key is not None and settings.bootstrap_api_key is not None
    return FirstCredentials(key=None if given else key, key_given=given, admin=admin, password=password)


async def _first_key(settings: Settings, keys: ApiKeys) -> str | None:
    bootstrap = settings.bootstrap_api_key
    made = await keys.create_first(bootstrap=bootstrap, now=time.time())
    if bootstrap is not None and keys.find(digest_of(bootstrap)) is None:
        _LOG.warning(
            "the setting bootstrap_api_key names no valid key: it counts for a new database only, "
            "and this one has keys already"
        )
    return made


async def _first_admin(
    settings: Settings, users: Users, passwords: Passwords
) -> tuple[str | None, str | None]:
    """Name and password, as far as they have to be shown."""
    given = settings.admin_password
    if users.all():
        user = users.named(settings.admin_username)
        kept = None if user is None else user.password_hash
        if given is not None and not await passwords.matches(kept, given):
            _LOG.warning(
                "the setting admin_password is not the password of the user admin_username: it counts for a new "
                "database only; `corral users passwd NAME` changes a password"
            )
        return None, None
    password = given or new_password()
    user = await users.create(
        username=settings.admin_username,
        password_hash=await passwords.hash(password),
        role=Role.ADMIN,
        now=time.time(),
    )
    return user.username, None if given is not None else password

"""The credential of commands on this machine, beside the keys of the store."""

from corral.app.gateway.auth import ApiKey, ApiKeyId, KeyBook, digest_of
from corral.app.gateway.principal import ALL_SCOPES

_ID = ApiKeyId("local")


class KeysWithLocalToken:
    """A KeyBook: another one, and the token of this run with all scopes, from this machine only."""

    def __init__(self, *, keys: KeyBook, token: str) -> None:
        self._keys = keys
        self._local = ApiKey(
            id=_ID, digest=digest_of(token), scopes=ALL_SCOPES, name="this machine", local_only=True
        )

    def find(self, digest: bytes) -> ApiKey | None:
        """The key with this SHA-256."""
        return self._local if digest == self._local.digest else self._keys.find(digest)

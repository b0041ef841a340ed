"""The keys and addresses of the providers: from this machine's settings, or set for the whole cluster, which wins.

What is set for the cluster lies in the replicated state, sealed with the cluster's key.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import structlog

from corral.app.cloud.credentials import Credentials, plain_base_url
from corral.app.cloud.providers import PROVIDERS, Provider
from corral.app.settings_table import Settings
from corral.app.store.replicated import ReplicatedTable
from corral.peers.identity.errors import BrokenSeal
from corral.peers.identity.sealing import seal, unseal
from corral.peers.replication.ledger import Ledger

_LOG = structlog.get_logger(__name__)


class CloudKeys:
    """`load` it before use; it follows whatever the other machines of the cluster agree on."""

    def __init__(self, ledger: Ledger, settings: Settings, *, cluster_key: Callable[[], bytes]) -> None:
        self._cluster_key = cluster_key
        self._table = ReplicatedTable(ledger, "secrets", lambda ids: self._forget(ids))
        self._own = {name: _of_settings(each, settings) for name, each in PROVIDERS.items()}
        self._known: dict[
            str, tuple[bytes, Credentials]
        ] = {}  # and the cluster's key that it was opened with

    async def load(self) -> None:
        """Read what the cluster has set."""
        await self._table.load()

    def of(self, provider: Provider) -> Credentials:
        """Those that count now."""
        key = self._cluster_key()
        known = self._known.get(provider.name)
        if known is None or known[0] != key:
            known = key, self._found(provider)
            self._known[provider.name] = known
        return known[1]

    def present(self) -> dict[str, bool]:
        """Provider → whether there is a key for it."""
        return {name: self.of(provider).api_key is not None for name, provider in PROVIDERS.items()}

    async def set(self, provider: Provider, *, api_key: str | None, base_url: str | None) -> None:
        """For the whole cluster; what is None stays as it is. Raises DiskFull."""
        given = {"api_key": api_key, "base_url": base_url}
        changed = {name: value for name, value in given.items() if value is not None}
        await self._write(provider, {**self._of_cluster(provider), **changed})

    async def remove(self, provider: Provider) -> None:
        """Nothing is set for the cluster any more: each machine's own settings count again. Raises DiskFull."""
        await self._write(provider, {})

    async def _write(self, provider: Provider, values: Mapping[str, Any]) -> None:
        sealed = seal(self._cluster_key(), orjson.dumps(values), _purpose(provider))
        await self._table.write(_row(provider), {"sealed": base64.b64encode(sealed).decode()})
        self._known.pop(provider.name, None)

    def _forget(self, ids: object) -> None:
        self._known.clear()

    def _found(self, provider: Provider) -> Credentials:
        own, cluster = self._own[provider.name], self._of_cluster(provider)
        key, url = cluster.get("api_key"), cluster.get("base_url")
        return Credentials(
            provider=provider,
            api_key=key or own.api_key,
            base_url=plain_base_url(url, provider) if url else own.base_url,
            from_cluster=bool(key),
        )

    def _of_cluster(self, provider: Provider) -> dict[str, str]:
        row = self._table.rows.get(_row(provider))
        if row is None:
            return {}
        try:
            sealed = base64.b64decode(str(row.values["sealed"]), validate=True)
            values = orjson.loads(unseal(self._cluster_key(), sealed, _purpose(provider)))
        except (BrokenSeal, binascii.Error, orjson.JSONDecodeError):
            _LOG.warning(
                "a cloud provider's key was sealed with another key than this cluster's; set it again",
                provider=provider.name,
            )
            return {}
        return values if isinstance(values, dict) else {}


def _of_settings(provider: Provider, settings: Settings) -> Credentials:
    keys = {
        "openai": (settings.openai_api_key, settings.openai_base_url),
        "google": (settings.google_api_key, settings.google_api_base_url),
        "anthropic": (settings.anthropic_api_key, settings.anthropic_api_base_url),
    }
    api_key, base_url = keys[provider.name]
    return Credentials(provider=provider, api_key=api_key, base_url=plain_base_url(base_url, provider))


def _row(provider: Provider) -> str:
    return f"cloud/{provider.name}"


def _purpose(provider: Provider) -> str:
    return f"secrets/cloud/{provider.name}"

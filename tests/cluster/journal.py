"""What a client of the cluster was told: which keys it made and revoked, as far as it was acknowledged."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.cluster.lan import Lan
from tests.cluster.machine import PORT, Machine

_PATIENCE = httpx.Timeout(9.0, connect=0.5)  # a front door that knows no router says so after 8 s
_REVOKES_EACH = 4  # one of so many keys; they are made and revoked at all front doors


@dataclass(slots=True)
class Journal:
    """Texts of keys. Those whose making or revoking got no clear answer are in neither."""

    made: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)


class JournalClient:
    """Makes numbered keys, and revokes some of them, each time at the next front door."""

    def __init__(self, name: str, lan: Lan, machines: Sequence[Machine], admin_key: str) -> None:
        self.journal = Journal()
        self._name = name
        self._urls = [f"http://{lan.address(each.host)}:{PORT}/v0/api-keys" for each in machines]
        self._headers = {"authorization": f"Bearer {admin_key}"}
        self._numbers = itertools.count()

    def once(self) -> None:
        """Make one key; perhaps revoke it. A front door that can't be reached, or knows no router, is no failure."""
        number = next(self._numbers)
        made = self._ask("POST", number, "", {"name": f"{self._name}-{number}", "scopes": ["api"]})
        if made is None or made.status_code >= 500:
            return
        assert made.status_code == 201, made.text
        id, key = made.json()["id"], made.json()["key"]
        self.journal.made.add(key)
        if number % _REVOKES_EACH == 0:
            self._revoke(number, id, key)

    def _revoke(self, number: int, id: str, key: str) -> None:
        revoked = self._ask("DELETE", number + 1, f"/{id}")
        if revoked is not None and revoked.status_code == 404:
            return  # in another part of the cluster, where nobody knows it
        self.journal.made.discard(key)
        if revoked is not None and revoked.status_code < 500:
            assert revoked.status_code == 200, revoked.text
            self.journal.revoked.add(key)

    def _ask(self, method: str, door: int, path: str, body: object = None) -> httpx.Response | None:
        url = self._urls[door % len(self._urls)] + path
        try:
            return httpx.request(
                method, url, json=body, headers=self._headers, timeout=_PATIENCE, trust_env=False
            )
        except httpx.HTTPError:
            return None

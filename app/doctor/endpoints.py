"""Whether the servers elsewhere answer, as the router sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.doctor.finding import Finding, ok, warning
from corral.app.settings_table import Settings

_CHECK = "endpoints"
Endpoint = Mapping[str, Any]


def gather_endpoints(settings: Settings) -> Sequence[Endpoint] | None:
    """As GET /v0/endpoints lists them; None if no node says it."""
    try:
        with NodeClient.of(settings) as node:
            endpoints: list[Endpoint] = node.ask("GET", "/v0/endpoints")["endpoints"]
    except CommandError:  # the check of the node says why
        return None
    return endpoints


def judge_endpoints(endpoints: Sequence[Endpoint] | None) -> list[Finding]:
    """A finding for each that fails; one for all if none does; nothing where there are none."""
    used = [each for each in endpoints or () if each["enabled"]]
    failing = [each for each in used if each["failing_since"] is not None]
    if used and not failing:
        return [ok(_CHECK, f"{len(used)} servers elsewhere, all answer")]
    return [_failing(each) for each in failing]


def _failing(endpoint: Endpoint) -> Finding:
    what = f"{endpoint['name']} ({endpoint['base_url']}) fails since {endpoint['failing_since']}: {endpoint['last_error']}"
    remedy = (
        f"Start it, or correct its address and key; `corral endpoints test {endpoint['name']}` asks it again."
    )
    return warning(_CHECK, what, remedy)

"""The permission matrix: every route, and everybody who may come; a route without an entry fails."""

from pathlib import Path

import httpx
import pytest

from corral.app.api.route import Route
from corral.peers.pairing.messages import PATHS
from tests.app.api.serving import ADMIN, EXPIRED_KEY, VIEWER, Serving, serving

OPEN = frozenset(
    {"nothing", "garbage", "expired", "viewer", "admin", "api", "endpoints", "runtime", "admin key"}
)
MODELS = frozenset({"viewer", "admin", "api"})
ENDPOINT_READERS = frozenset({"viewer", "admin", "endpoints", "admin key"})
ENDPOINT_WRITERS = ENDPOINT_READERS - {"viewer"}
SESSIONS = frozenset({"viewer", "admin"})
MANAGERS = frozenset({"admin", "admin key"})
RUNTIMES = frozenset({"runtime"})

WHO_MAY = {
    "GET /health": OPEN,
    "GET /startup": OPEN,
    "GET /metrics": OPEN,
    "GET /openapi.json": OPEN,
    "GET /v0/system": OPEN,
    "POST /v0/auth/login": OPEN,
    "POST /v0/auth/register": OPEN,
    "POST /v0/auth/one-time": OPEN,
    "POST /v0/auth/one-time-tokens": frozenset[str](),
    "POST /v0/auth/logout": SESSIONS,
    "GET /v0/auth/me": SESSIONS,
    "PUT /v0/auth/password": SESSIONS,
    "POST /v1/chat/completions": MODELS,
    "POST /v1/completions": MODELS,
    "POST /v1/embeddings": MODELS,
    "POST /v1/rerank": MODELS,
    "POST /rerank": MODELS,
    "POST /v2/rerank": MODELS,
    "POST /v1/audio/transcriptions": MODELS,
    "POST /v1/audio/translations": MODELS,
    "POST /v1/audio/speech": MODELS,
    "POST /v1/images/generations": MODELS,
    "POST /v1/images/edits": MODELS,
    "POST /v1/images/variations": MODELS,
    "POST /v1/responses": MODELS,
    "GET /v1/responses/<id>": MODELS,
    "DELETE /v1/responses/<id>": MODELS,
    "GET /v1/responses/<id>/input_items": MODELS,
    "GET /v0/runtimes": MANAGERS,
    "POST /v0/runtimes": RUNTIMES,
    "POST /v0/health": RUNTIMES,
    "GET /v0/runtimes/metrics": MANAGERS,
    "DELETE /v0/runtimes/<id>": MANAGERS,
    "POST /v0/runtimes/<id>/disconnect": MANAGERS,
    "PUT /v0/runtimes/<id>/settings": MANAGERS,
    "GET /v0/runtimes/<id>/logs": MANAGERS,
    "GET /v1/models": MODELS,
    "POST /v1/messages": MODELS,
    "GET /": OPEN,
    "GET /api/version": OPEN,
    **{f"GET /api/{name}": MODELS for name in ("tags", "ps")},
    **{
        f"POST /api/{name}": MODELS
        for name in ("chat", "generate", "embed", "embeddings", "show", "pull", "create", "copy", "push")
    },
    "DELETE /api/delete": MODELS,
    "POST /v1/messages/count_tokens": MODELS,
    "GET /v1/models/<path:id>": MODELS,
    "GET /v0/users": MANAGERS,
    "POST /v0/users": MANAGERS,
    "PUT /v0/users/<id>": MANAGERS,
    "DELETE /v0/users/<id>": MANAGERS,
    "GET /v0/invitations": MANAGERS,
    "POST /v0/invitations": MANAGERS,
    "DELETE /v0/invitations/<id>": MANAGERS,
    "GET /v0/api-keys": MANAGERS,
    "POST /v0/api-keys": MANAGERS,
    "PUT /v0/api-keys/<id>": MANAGERS,
    "DELETE /v0/api-keys/<id>": MANAGERS,
    "GET /v0/audit": MANAGERS,
    "GET /v0/dashboard/request-responses": MANAGERS,
    "GET /v0/dashboard/request-responses/filters": MANAGERS,
    "GET /v0/dashboard/request-responses/export": MANAGERS,
    "GET /v0/dashboard/request-responses/<id>": MANAGERS,
    "GET /v0/dashboard/stats": MANAGERS,
    "GET /v0/dashboard/overview": MANAGERS,
    "GET /v0/dashboard/runtimes": MANAGERS,
    "GET /v0/dashboard/request-history": MANAGERS,
    "GET /v0/dashboard/stats/tokens": MANAGERS,
    "GET /v0/dashboard/stats/tokens/daily": MANAGERS,
    "GET /v0/dashboard/stats/tokens/monthly": MANAGERS,
    "GET /v0/dashboard/stats/clients": MANAGERS,
    "GET /v0/dashboard/stats/latency": MANAGERS,
    "GET /v0/dashboard/stats/latency/series": MANAGERS,
    "GET /v0/dashboard/stats/usage": MANAGERS,
    "GET /v0/dashboard/metrics/<id>": MANAGERS,
    "GET /v0/metrics/summary": MANAGERS,
    "GET /v0/metrics/cloud": MANAGERS,
    "GET /v0/cloud": MANAGERS,
    "PUT /v0/cloud/<id>": MANAGERS,
    "DELETE /v0/cloud/<id>": MANAGERS,
    "GET /v0/events": SESSIONS | MANAGERS,
    "GET /v0/cluster": MANAGERS,
    "PUT /v0/cluster": MANAGERS,
    "GET /v0/cluster/settings": MANAGERS,
    "PUT /v0/cluster/settings/<id>": MANAGERS,
    "GET /v0/settings": MANAGERS,
    "PUT /v0/settings/<id>": MANAGERS,
    "POST /v0/node/restart": MANAGERS,
    "GET /v0/cluster/invites": MANAGERS,
    "POST /v0/cluster/invites": MANAGERS,
    "DELETE /v0/cluster/invites/<id>": MANAGERS,
    "POST /v0/cluster/requests/<id>/approve": MANAGERS,
    "POST /v0/cluster/requests/<id>/deny": MANAGERS,
    "PUT /v0/cluster/nodes/<id>": MANAGERS,
    "PUT /v0/cluster/nodes/<id>/sharing": MANAGERS,
    "DELETE /v0/cluster/nodes/<id>": MANAGERS,
    "POST /v0/cluster/handover": MANAGERS,
    "POST /v0/cluster/code": MANAGERS,
    "GET /v0/cluster/local": MANAGERS,
    "POST /v0/cluster/local/join": MANAGERS,
    "POST /v0/cluster/local/leave": MANAGERS,
    "POST /v0/cluster/local/peers": MANAGERS,
    "DELETE /v0/cluster/local/peers/<id>": MANAGERS,
    "GET /v0/models": MANAGERS | {"runtime"},
    "POST /v0/models/register": MANAGERS,
    "POST /v0/models/pull": MANAGERS,
    "DELETE /v0/models/<model:name>": MANAGERS,
    "GET /v0/models/registry/<path:name>/manifest.json": MANAGERS | {"runtime"},
    "GET /v0/models/registry/<path:name>/files/<path:file>": MANAGERS | {"runtime"},
    "GET /v0/models/blob/<path:name>": MANAGERS | {"runtime"},
    "GET /v0/models/places": MANAGERS,
    "POST /v0/models/load": MANAGERS,
    "POST /v0/models/unload": MANAGERS,
    "POST /v0/models/copy": MANAGERS,
    "GET /v0/models/copies": MANAGERS,
    "DELETE /v0/models/copies/<id>": MANAGERS,
    "GET /v0/endpoints": ENDPOINT_READERS,
    "POST /v0/endpoints": ENDPOINT_WRITERS,
    "POST /v0/endpoints/test": ENDPOINT_WRITERS,
    "GET /v0/endpoints/<id>": ENDPOINT_READERS,
    "PUT /v0/endpoints/<id>": ENDPOINT_WRITERS,
    "DELETE /v0/endpoints/<id>": ENDPOINT_WRITERS,
    "POST /v0/endpoints/<id>/test": ENDPOINT_WRITERS,
    "POST /v0/endpoints/<id>/sync": ENDPOINT_WRITERS,
    "GET /v0/endpoints/<id>/models": ENDPOINT_WRITERS,
    "GET /v0/aliases": ENDPOINT_READERS,
    "POST /v0/aliases": ENDPOINT_WRITERS,
    "PUT /v0/aliases/<id>": ENDPOINT_WRITERS,
    "DELETE /v0/aliases/<id>": ENDPOINT_WRITERS,
    "GET /pair/info": OPEN,
    **{
        f"GET /{page}{rest}": OPEN
        for page in ("dashboard", "playground")
        for rest in ("", "/", "/<path:page>")
    },
    "GET /dashboard/assets/<path:name>": OPEN,
    **{f"POST {path}": OPEN for path in PATHS.values()},
    "GET /v0/node/models": MANAGERS,
    "POST /v0/node/models/load": MANAGERS,
    "POST /v0/node/models/unload": MANAGERS,
    "POST /v0/node/stop": MANAGERS,
    "PUT /v0/node/sharing": MANAGERS,
    "POST /v0/node/window": frozenset[str](),
    "GET /v0/node/tasks": MANAGERS,
    "GET /v0/dashboard/logs/router": MANAGERS,
    "GET /log/level": MANAGERS,
    "POST /log/level": MANAGERS,
}
STRANGERS = frozenset({"nothing", "garbage", "expired"})  # they get 401, others 403


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


async def api_keys(node: Serving) -> dict[str, dict[str, str]]:
    """Headers with a key of each scope."""
    names = {"admin": "admin key"}
    return {
        names.get(scope, scope): {"x-api-key": await node.key_with({scope})}
        for scope in ("api", "endpoints", "runtime", "admin")
    }


def credentials(node: Serving, keys: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Headers of everybody. Sessions are new each time: a request may end them."""
    return {
        **keys,
        "nothing": {},
        "garbage": {"authorization": "Bearer garbage"},
        "expired": {"authorization": f"Bearer {EXPIRED_KEY}"},
        "viewer": {"authorization": f"Bearer {node.token(VIEWER)}"},
        "admin": {"authorization": f"Bearer {node.token(ADMIN)}"},
    }


async def asked(http: httpx.AsyncClient, route: Route, headers: dict[str, str]) -> httpx.Response:
    """The answer of a route to a request without anything in it; of streams only the beginning."""
    path = route.document_path.replace("{id}", "nothing-of-that-id")
    json: dict[str, str] | None = {} if route.body else None
    async with http.stream(route.method, path, headers=headers, json=json) as answer:
        if not answer.headers["content-type"].startswith("text/event-stream"):
            await answer.aread()
    http.cookies.clear()
    return answer


async def test_every_route_lets_in_whom_it_should(tmp_path: Path) -> None:
    wrong = []
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        assert {name_of(route) for route in node.app.routes} == set(WHO_MAY)
        keys = await api_keys(node)
        for route in node.app.routes:
            for who, headers in credentials(node, keys).items():
                seen = (await asked(http, route, headers)).status_code
                if who in WHO_MAY[name_of(route)]:
                    right = seen not in (401, 403)
                else:
                    right = seen == (401 if who in STRANGERS else 403)
                if not right:
                    wrong.append((name_of(route), who, seen))
    assert wrong == []


async def test_programs_on_this_machine_get_models_only(tmp_path: Path) -> None:
    """With the setting trust_loopback."""
    opened = set()
    async with serving(tmp_path, trust_loopback=True) as node, httpx.AsyncClient(base_url=node.url) as http:
        for route in node.app.routes:
            answer = await asked(http, route, {"authorization": "Bearer dummy"})
            if answer.status_code not in (401, 403):
                opened.add(name_of(route))
    assert opened == {name for name, who in WHO_MAY.items() if who in (OPEN, MODELS)}


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example"])
async def test_management_wants_a_host_name_of_ours(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url) as http:
        headers = {"authorization": f"Bearer {node.token(ADMIN)}", "host": host}
        for route in node.app.routes:
            answer = await asked(http, route, headers)
            if route.path.startswith(("/v0/", "/log/", "/dashboard", "/playground")):
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")
            else:
                assert answer.status_code != 403

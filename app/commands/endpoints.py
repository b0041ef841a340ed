"""`corral endpoints`: servers elsewhere that answer behind the same URL."""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table, size
from corral.app.settings_table import Settings

_PATH = "/v0/endpoints"
_COLUMNS = ("NAME", "TYPE", "STATUS", "MODELS", "ANSWERS IN", "URL", "ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWishes:
    """What an endpoint shall be. None: not named."""

    name: str | None = None
    api_key: str | None = None
    type: str | None = None
    health_check_interval_secs: int | None = None
    inference_timeout_secs: int | None = None
    weight: float | None = None
    notes: str | None = None

    def document(self) -> dict[str, object]:
        """As the node wants it, without what isn't named."""
        return {field: value for field, value in asdict(self).items() if value is not None}


def list_endpoints(settings: Settings, *, as_json: bool) -> None:
    """One row each, and what is wrong with those that fail."""
    with NodeClient.of(settings) as node:
        endpoints = node.ask("GET", _PATH)["endpoints"]
    if as_json:
        show_json(endpoints)
        return
    show_table(_COLUMNS, [_row(each) for each in endpoints])
    for each in endpoints:
        if each["failing_since"] is not None:
            print(
                f"{printable(each['name'])} fails since {each['failing_since']}: {printable(each['last_error'])}"
            )


def add(settings: Settings, url: str, wishes: EndpointWishes, *, as_json: bool) -> None:
    """Add one and say what was found there."""
    wanted = {"name": wishes.name or usual_name(url), "base_url": url}
    with NodeClient.of(settings) as node:
        made = node.ask("POST", _PATH, {**wishes.document(), **wanted})
        models = [] if as_json else node.ask("GET", f"{_PATH}/{made['id']}/models")["models"]
    if as_json:
        show_json(made)
    elif made["status"] == "online":
        names = ", ".join(printable(each["id"]) for each in models[:10])
        more = ", …" if len(models) > len(models[:10]) else ""
        print(f"{printable(made['name'])} is added: {made['type']}, {len(models)} models: {names}{more}")
    else:
        why = f": {printable(made['last_error'])}" if made["last_error"] else ""
        print(
            f"{printable(made['name'])} is added, but doesn't answer yet{why}. It is tried again by itself."
        )


def test(settings: Settings, which: str, *, as_json: bool) -> None:
    """Ask one now. Raises CommandError if it doesn't answer."""
    with NodeClient.of(settings) as node:
        found = _found(node, which)
        result = node.ask("POST", f"{_PATH}/{found['id']}/test")
    if as_json:
        show_json(result)
    elif result["success"]:
        kind = result["endpoint_info"]["type"]
        version = result["endpoint_info"]["version"]
        named = f"{kind} {printable(version)}" if version else kind
        print(f"It answers in {result['latency_ms']} ms: {named}, {result['models_found']} models.")
    if not result["success"]:
        raise CommandError(printable(result["error"]))


def sync(settings: Settings, which: str, *, as_json: bool) -> None:
    """Take over its list of models."""
    with NodeClient.of(settings) as node:
        found = _found(node, which)
        result = node.ask("POST", f"{_PATH}/{found['id']}/sync")
    if as_json:
        show_json(result)
        return
    print(f"{result['synced_models']} models.")
    for what in ("added", "removed", "updated"):
        if result[what]:
            print(f"{what}: {', '.join(printable(name) for name in result[what])}")


def remove(settings: Settings, which: str, *, as_json: bool) -> None:
    """It gets no more requests."""
    with NodeClient.of(settings) as node:
        found = _found(node, which)
        node.ask("DELETE", f"{_PATH}/{found['id']}")
    if as_json:
        show_json({"removed": True})
    else:
        print(f"{printable(found['name'])} is removed.")


def list_models(settings: Settings, which: str, *, as_json: bool) -> None:
    """What it listed last."""
    with NodeClient.of(settings) as node:
        found = _found(node, which)
        models = node.ask("GET", f"{_PATH}/{found['id']}/models")["models"]
    if as_json:
        show_json(models)
    else:
        columns = ("MODEL", "THERE", "CAN", "CONTEXT", "SIZE", "QUANTISATION")
        show_table(columns, [_model_row(each) for each in models])


def usual_name(url: str) -> str:
    """What an endpoint is called if nobody says it: host and port."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return (parts.netloc.rpartition("@")[2] or url)[:100]


def _found(node: NodeClient, which: str) -> dict[str, Any]:
    """By id, name or URL. Raises CommandError."""
    endpoints: list[dict[str, Any]] = node.ask("GET", _PATH)["endpoints"]
    for field in ("id", "name", "base_url"):
        for each in endpoints:
            if each[field].casefold() == which.casefold().rstrip("/"):
                return {**each, "id": quote(each["id"], safe="")}
    raise CommandError(f"there is no endpoint {printable(which)}; `corral endpoints list` shows them")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        printable(each["name"]),
        each["type"] or "?",
        each["status"] if each["enabled"] else "off",
        str(each["models"]),
        "" if each["latency_ms"] is None else f"{each['latency_ms']:.0f} ms",
        printable(each["base_url"]),
        each["id"],
    )


def _model_row(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        printable(model["id"]),
        "" if model["name_there"] == model["id"] else printable(model["name_there"]),
        ", ".join(model["capabilities"]),
        str(model["context_length"] or ""),
        size(model["size_bytes"]) if model["size_bytes"] else "",
        printable(model["quantization"]),
    )

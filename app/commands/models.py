"""`corral list`, `ps`, `load` and `unload`."""

from typing import Any

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import duration, show_json, show_table, size
from corral.app.settings_table import Settings


def list_models(settings: Settings, *, as_json: bool) -> None:
    """Every model of this machine."""
    with NodeClient.of(settings) as node:
        models = node.models()
    if as_json:
        show_json(models)
    elif models:
        columns = ("NAME", "SIZE", "QUANTISATION", "CONTEXT", "FOR", "STATE")
        show_table(columns, [_listed(model) for model in models])
    else:
        print(
            f"There is no model yet. Put a GGUF file into {settings.models_dir}, or get one from the hub: "
            "corral pull ORG/MODEL"
        )


def list_loaded(settings: Settings, *, as_json: bool) -> None:
    """The loaded models and their load."""
    with NodeClient.of(settings) as node:
        models = [model for model in node.models() if model["lifecycle"] in ("loaded", "loading")]
    if as_json:
        show_json(models)
    elif models:
        columns = ("NAME", "MEMORY", "CONTEXT", "ANSWERS", "WAITING", "TOKENS/S", "STATE")
        show_table(columns, [_at_work(model) for model in models])
    else:
        print("No model is loaded.")


def load_model(settings: Settings, model: str, *, as_json: bool) -> None:
    """Load a model and say what it uses."""
    with NodeClient.of(settings) as node:
        loaded = node.load(model)
    if as_json:
        show_json(loaded)
    else:
        print(
            f"{model} is loaded: context of {loaded['context_length']} tokens, "
            f"{loaded['max_sequences']} answers at a time, {loaded['threads']} threads, "
            f"{loaded['gpu_layers']} layers on the graphics card."
        )


def unload_model(settings: Settings, model: str, *, as_json: bool) -> None:
    """Unload a model, when it has become idle."""
    with NodeClient.of(settings) as node:
        node.unload(model)
    if as_json:
        show_json({"unloaded": True})
    else:
        print(f"{model} is unloaded.")


def _listed(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        model["name"],
        size(model["size_bytes"]),
        model["quantization"] or "-",
        str(model["context_length"] or "-"),
        ", ".join(sorted(model["capabilities"])) or "-",
        _state(model),
    )


def _at_work(model: dict[str, Any]) -> tuple[str, ...]:
    live, loaded = model["live"], model["loaded"] or {}
    return (
        model["name"],
        _memory(model["memory_bytes"], loaded.get("gpu_memory_bytes", 0)),
        str(loaded.get("context_length", "-")),
        f"{live['active']} of {loaded.get('max_sequences', '-')}",
        str(live["queued"]),
        f"{live['tokens_per_s']:.1f}",
        _state(model),
    )


def _memory(main_bytes: int, card_bytes: int) -> str:
    return f"{size(main_bytes)} + {size(card_bytes)} on the card" if card_bytes else size(main_bytes)


def _state(model: dict[str, Any]) -> str:
    if model["error"]:
        return f"error: {model['error']}"
    if model["lifecycle"] == "loading":
        return f"loading {model['progress']:.0%}"
    if model["lifecycle"] == "loaded":
        idle_s = model["idle_s"]
        return "busy" if idle_s is None else f"idle for {duration(idle_s)}"
    return "on disk"

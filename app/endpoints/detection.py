"""Which program answers at an address, by what each really answers. Pure.

xllm               GET /api/system has `xllm_version`, or GET /v0/system a `device` with a `device_type`
llama_cpp          its models are `owned_by` "llamacpp"; the header `Server: llama.cpp`; GET /props
lm_studio          GET /api/v0/models lists models with a `type` and a `state`
ollama             GET /api/version and GET /api/tags answer
vllm               its models are `owned_by` "vllm" (vllm/entrypoints/openai); GET /version, and models with a `max_model_len`
openai_compatible  GET /v1/models lists models; another cluster of this program is one, whatever dialects it speaks

llama-server speaks some of Ollama's dialect, and many servers copy another's: the surest signs come first.
"""

from collections.abc import Mapping
from typing import Any

from corral.app.endpoints import answers as paths
from corral.app.endpoints.answers import Answers
from corral.app.upstream.server import ServerKind


def detect(found: Answers) -> ServerKind | None:
    """None if nothing that serves models answers there."""
    if cluster_of(found) is not None:
        return ServerKind.OPENAI_COMPATIBLE
    models = found.listed(paths.MODELS, "data")
    owners = {str(model.get("owned_by", "")).lower() for model in models or ()}
    if _is_xllm(found) or "xllm" in owners:
        return ServerKind.XLLM
    if "llamacpp" in owners or found.program == "llama.cpp" or _has_llama_props(found):
        return ServerKind.LLAMA_CPP
    if any(
        "type" in model and "state" in model for model in found.listed(paths.LM_STUDIO_MODELS, "data") or ()
    ):
        return ServerKind.LM_STUDIO
    if _has_version(found, paths.OLLAMA_VERSION) and found.listed(paths.OLLAMA_TAGS, "models") is not None:
        return ServerKind.OLLAMA
    if "vllm" in owners or (_has_version(found, paths.VERSION) and _has_lengths(models or ())):
        return ServerKind.VLLM
    if models is not None:
        return ServerKind.OPENAI_COMPATIBLE
    return ServerKind.OLLAMA if found.listed(paths.OLLAMA_TAGS, "models") is not None else None


def cluster_of(found: Answers) -> str | None:
    """The id of the cluster of this program that answers there; None if it is something else."""
    info = found.document(paths.CORRAL_INFO)
    cluster = info.get("cluster")
    return cluster if isinstance(cluster, str) and "founded_at" in info else None


def version_of(found: Answers, kind: ServerKind) -> str | None:
    """What the program says of its version."""
    path, name = {
        ServerKind.OLLAMA: (paths.OLLAMA_VERSION, "version"),
        ServerKind.VLLM: (paths.VERSION, "version"),
        ServerKind.LLAMA_CPP: (paths.PROPS, "build_info"),
        ServerKind.XLLM: (paths.XLLM_SYSTEM, "xllm_version"),
    }.get(kind, ("", ""))
    version = found.document(path).get(name)
    return version[:100] if isinstance(version, str) and version else None


def slots_of(found: Answers) -> int | None:
    """How many answers llama-server gives at the same time; None: nobody said it."""
    slots = found.document(paths.PROPS).get("total_slots")
    return slots if isinstance(slots, int) and 0 < slots < 2**31 else None


def _is_xllm(found: Answers) -> bool:
    device = found.document(paths.XLLM_DEVICE).get("device")
    return "xllm_version" in found.document(paths.XLLM_SYSTEM) or (
        isinstance(device, dict) and "device_type" in device
    )


def _has_llama_props(found: Answers) -> bool:
    props = found.document(paths.PROPS)
    return "default_generation_settings" in props and "total_slots" in props


def _has_version(found: Answers, path: str) -> bool:
    return isinstance(found.document(path).get("version"), str)


def _has_lengths(models: object) -> bool:
    return isinstance(models, list) and any(_length(model) for model in models)


def _length(model: Mapping[str, Any]) -> bool:
    return isinstance(model.get("max_model_len"), int)

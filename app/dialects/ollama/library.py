"""Models as Ollama's clients expect to see them listed and described. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from corral.app.dialects.ollama.names import shown_name
from corral.app.times import rfc3339

_NEVER = "9999-12-31T23:59:59Z"
_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([mb])(?![a-z0-9])", re.IGNORECASE)
_CAPABILITIES = {
    "chat_completion": ("completion", "tools"),
    "completion": ("completion",),
    "image_understanding": ("vision",),
    "embeddings": ("embedding",),
}

Document = Mapping[str, Any]  # one of GET /v1/models


def tag(document: Document, *, family: str = "") -> dict[str, Any]:
    """One entry of GET /api/tags. `family`: the model's architecture, where it is known."""
    return {
        **_head(document),
        "modified_at": rfc3339(document["created"]),
        "details": _details(document, family),
    }


def running(document: Document, *, family: str = "") -> dict[str, Any]:
    """One entry of GET /api/ps. Machines decide themselves when they unload a model: no time is told."""
    return {
        **_head(document),
        "details": _details(document, family),
        "expires_at": _NEVER,
        "context_length": document["context_length"],
    }


def shown(document: Document, *, family: str = "") -> dict[str, Any]:
    """The answer of POST /api/show."""
    architecture = family or "unknown"
    return {
        "modelfile": f"# A model of Corral\nFROM {shown_name(document['id'])}\n",
        "parameters": "",
        "template": "",
        "details": _details(document, family),
        "model_info": {
            "general.architecture": architecture,
            "general.basename": document["id"],
            f"{architecture}.context_length": document["context_length"],
        },
        "capabilities": _capabilities(document["capabilities"]),
        "modified_at": rfc3339(document["created"]),
    }


def _head(document: Document) -> dict[str, Any]:
    name = shown_name(document["id"])
    return {"name": name, "model": name, "size": document["size_bytes"], "digest": _digest(document)}


def _digest(document: Document) -> str:
    """64 hexadecimal digits that change with the model; not the sum of its file, which may lie elsewhere."""
    told = f"{document['id']}\n{document['size_bytes']}\n{document['quantization']}"
    return hashlib.sha256(told.encode()).hexdigest()


def _details(document: Document, family: str) -> dict[str, Any]:
    found = _SIZE.search(document["id"])
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": f"{found[1]}{found[2].upper()}" if found else "",
        "quantization_level": document["quantization"],
    }


def _capabilities(able: Mapping[str, bool]) -> Sequence[str]:
    """Each once, in the order of the table."""
    words = [word for name, words in _CAPABILITIES.items() if able.get(name) for word in words]
    return list(dict.fromkeys(words))

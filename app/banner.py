"""What people see when the node is ready: URLs, key, and a line to copy. Pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corral.app.first_start import FirstCredentials
from corral.app.urls import Urls
from corral.engines import echo
from corral.engines.model import Capability, Lifecycle, ModelStatus

KEY_VARIABLE = "CORRAL_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """The cluster that this machine serves in. `url` is for machines that don't run Corral; None: nobody says it."""

    name: str
    others: int = 0  # members besides this machine
    url: str | None = None


def ready_banner(
    *,
    version: str,
    urls: Urls,
    models: Sequence[ModelStatus],
    models_dir: Path,
    first: FirstCredentials,
    cluster: ClusterPlace,
) -> str:
    """`first` has what was made just now and nobody has seen; it stands here and nowhere else."""
    new_key = first.key
    lines = ["", f"Corral {version} is ready.", "", f"  URL       {urls.local}"]
    if urls.network is not None:
        lines.append(f"            {urls.network} (from other machines)")
    lines += [f"  OpenAI    {urls.local}/v1", f"  Cluster   {_cluster_line(cluster)}"]
    if new_key is not None:
        lines.append(f"  API key   {new_key}   (shown only now: keep it)")
    elif first.key_given:
        lines.append("  API key   as given in the setting bootstrap_api_key")
    if first.password is not None:
        lines.append(f"  Admin     {first.admin}, password {first.password}   (shown only now: keep it)")
    elif first.admin is not None:
        lines.append(f"  Admin     {first.admin}, password as given in the setting admin_password")
    lines += ["", *_first_steps(urls.local, models, models_dir, new_key), "", "Ctrl+C stops it.", ""]
    return "\n".join(lines)


def joining_notice(node: str, joining: Mapping[str, Any] | None) -> str | None:
    """What a person should do for the machine `node` that wants to join a cluster; None: nothing."""
    if joining is None or joining["state"] not in ("waiting", "failed"):
        return None
    cluster = joining["cluster_name"] or "another cluster"
    if joining["code"] is None:
        return f"This machine didn't join {cluster}: {joining['error']}"
    return (
        f"This machine wants to join {cluster}, with the code {joining['code']}. On a machine there, if `corral cluster "
        f"status` shows the same code:\n\n  corral cluster approve {shlex.quote(node)}\n"
    )


def _cluster_line(cluster: ClusterPlace) -> str:
    others = "1 other machine" if cluster.others == 1 else f"{cluster.others} other machines"
    who = f"with {others}" if cluster.others else "this machine alone"
    where = "" if cluster.url is None else f"; {cluster.url} (from machines without Corral)"
    return f"{cluster.name}, {who}{where}"


def _first_steps(url: str, models: Sequence[ModelStatus], models_dir: Path, new_key: str | None) -> list[str]:
    model = chat_model(models)
    if model is None:
        return [
            f"There is no chat model yet. Put a GGUF file into {models_dir}; it appears without a restart."
        ]
    if new_key is not None:
        return ["Try it:", "", f"  {curl_line(url, model, new_key)}"]
    return [
        f"Try it (`corral keys create NAME` makes a key for {KEY_VARIABLE}; `corral run {model}` needs none):",
        "",
        f"  {curl_line(url, model, f'${KEY_VARIABLE}')}",
    ]


def curl_line(url: str, model: str, key: str) -> str:
    """A command that streams a chat."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello! Who are you?"}]}
    return (
        f'curl -N {url}/v1/chat/completions -H "Authorization: Bearer {key}" '
        f'-H "Content-Type: application/json" -d {shlex.quote(json.dumps(body))}'
    )


def chat_model(models: Sequence[ModelStatus]) -> str | None:
    """A model that can chat: a loaded one, else a real one before an echo, else the smallest."""
    able = [
        status
        for status in models
        if Capability.CHAT in status.file.capabilities and status.error is None and status.file.error is None
    ]
    able.sort(
        key=lambda status: (
            status.lifecycle is not Lifecycle.LOADED,
            status.file.format == echo.FORMAT,
            status.file.size_bytes,
        )
    )
    return able[0].file.name if able else None

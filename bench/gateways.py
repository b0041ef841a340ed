"""Gateways in front of one upstream, each a real process on one core: Corral and what else people put there."""

import asyncio
import contextlib
import json
import secrets
import subprocess
import sys
import time
import venv
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.connection import Address
from bench.instant_upstream import MODELS
from bench.servers import Command, DidNotStart, Server, corral, free_port, running

ROOT = Path(__file__).parents[1]
LITELLM = "litellm[proxy]==1.106.12"
VLLM_ROUTER = "vllm-router==0.1.17"
_DEADLINE_S = 60.0
_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What every gateway gets. `core` is the only one that it may use."""

    upstream: Address
    scratch: Path
    core: int


Gateway = Callable[[Place], AbstractAsyncContextManager[Server]]


@contextlib.asynccontextmanager
async def upstream_server(scratch: Path, core: int) -> AsyncIterator[Server]:
    """`bench.instant_upstream`."""
    address = Address(port=free_port())
    command = Command(
        name="direct",
        arguments=[sys.executable, "-m", "bench.instant_upstream", str(address.port)],
        address=address,
        log=scratch / "upstream.log",
        core=core,
    )
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=MODELS[0], process_id=process.pid)


@contextlib.asynccontextmanager
async def corral_gateway(place: Place) -> AsyncIterator[Server]:
    """A node as `corral serve` runs it, with keys, queue and history, and the upstream as an endpoint of it."""
    scratch = place.scratch / "corral"
    (scratch / "models").mkdir(parents=True)
    (scratch / "models" / "echo.echo").write_text("{}")
    async with corral(scratch / "models", scratch, model=MODELS[0], core=place.core) as server:
        headers = {"authorization": f"Bearer {server.address.key}"}
        async with httpx.AsyncClient(base_url=server.address.url, headers=headers) as client:
            endpoint = {"name": "upstream", "base_url": place.upstream.url, "type": "vllm", "api_key": "k"}
            (await client.post("/v0/endpoints", json=endpoint)).raise_for_status()
            await _until_listed(client)
        yield server


async def _until_listed(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        listed = {model["id"] for model in (await client.get("/v1/models")).json()["data"]}
        if listed >= set(MODELS):
            return
        await asyncio.sleep(0.1)
    raise DidNotStart("Corral doesn't list the models of the upstream")


@contextlib.asynccontextmanager
async def litellm_gateway(place: Place) -> AsyncIterator[Server]:
    """`litellm[proxy]` with one worker and one key, without a database."""
    program = _installed("litellm", LITELLM) / "litellm"
    key = f"sk-{secrets.token_hex(24)}"
    address = Address(port=free_port(), key=key)
    parameters = {"api_base": f"{place.upstream.url}/v1", "api_key": "k"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", **parameters}}
            for name in MODELS
        ],
        "general_settings": {"master_key": key},
    }
    file = place.scratch / "litellm.yaml"
    file.write_text(json.dumps(config))  # which is YAML too
    arguments = [str(program), "--config", str(file), "--host", address.host, "--port", str(address.port)]
    command = Command(
        name="litellm",
        arguments=[*arguments, "--num_workers", "1", "--telemetry", "False"],
        address=address,
        log=place.scratch / "litellm.log",
        environment={
            **_PATH,
            "HOME": str(place.scratch),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
        },
        alone=True,
        folder=place.scratch,  # it imports from the folder two above
        health="/health/liveliness",
        core=place.core,
    )
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=MODELS[0], process_id=process.pid)


@contextlib.asynccontextmanager
async def vllm_router_gateway(place: Place) -> AsyncIterator[Server]:
    """vllm-router, a load balancer written in Rust: no keys, no names, no history."""
    program = _installed("vllm-router", VLLM_ROUTER) / "vllm-router"
    address = Address(port=free_port())
    arguments = [str(program), "--worker-urls", place.upstream.url, "--policy", "round_robin"]
    arguments += ["--host", address.host, "--port", str(address.port)]
    arguments += ["--prometheus-host", address.host, "--prometheus-port", str(free_port())]
    command = Command(
        name="vllm-router",
        arguments=[*arguments, "--log-level", "error"],
        address=address,
        log=place.scratch / "vllm-router.log",
        environment={**_PATH, "HOME": str(place.scratch)},
        alone=True,
        core=place.core,
    )
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=MODELS[0], process_id=process.pid)


_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000;
  upstream there {{ server {host}:{there}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen {host}:{port};
    location / {{ proxy_pass http://there; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@contextlib.asynccontextmanager
async def nginx_gateway(place: Place) -> AsyncIterator[Server]:
    """nginx as a plain proxy with kept connections: the least that can stand in front of a server."""
    address = Address(port=free_port())
    folder = place.scratch / "nginx"
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(folder=folder, host=address.host, port=address.port, there=place.upstream.port)
    )
    command = Command(
        name="nginx",
        arguments=["nginx", "-e", str(folder / "nginx-error.log"), "-c", str(config)],
        address=address,
        log=place.scratch / "nginx.log",
        environment=_PATH,
        alone=True,
        core=place.core,
    )
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=MODELS[0], process_id=process.pid)


def _installed(name: str, requirement: str) -> Path:
    """The folder with the programs of a package that has an environment of its own. Raises DidNotStart."""
    folder = ROOT / ".cache" / "bench" / name
    done = folder / ".installed"
    if not done.exists() or done.read_text() != requirement:
        print(f"Installing {requirement} …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]
        if subprocess.run(pip, check=False).returncode:
            raise DidNotStart(f"{requirement} can't be installed here")
        done.write_text(requirement)
    return folder / "bin"

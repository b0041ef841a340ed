"""Registers a server with Corral, so that its models can be used there: llama-server, or anything that speaks OpenAI's routes.

    python register_runtime.py --router http://corral.local:32768 --key sk_… --server http://192.168.1.100:8080

The key needs the scope `runtime`: `corral keys create NAME --scope runtime`. While this runs it sends heartbeats with the load of
its machine, so run it there. Ctrl+C takes the server out again. It needs the packages httpx and psutil.
"""

import argparse
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

VERSION = "example"
ANSWER_S = 5.0
GPU_QUERY = "name,utilization.gpu,memory.used,memory.total,temperature.gpu"


class Problem(Exception):
    """Something that a person has to put right."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics card, as nvidia-smi shows it."""

    name: str
    used_percent: float
    memory_used_mb: float
    memory_total_mb: float
    celsius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says."""

    router: str
    key: str = field(repr=False)
    server: str
    name: str
    address: str
    interval_s: float


class Server:
    """The server that is registered."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=ANSWER_S, trust_env=False)

    def models(self) -> list[str] | None:
        """What it serves; None while it doesn't answer."""
        try:
            answer = self._http.get("/v1/models").raise_for_status().json()
            return [str(each["id"]) for each in answer["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    def active_requests(self) -> int:
        """What llama-server's slots are doing; 0 if it doesn't say."""
        try:
            slots = self._http.get("/slots").raise_for_status().json()
            return sum(bool(each.get("is_processing")) for each in slots)
        except (httpx.HTTPError, ValueError, AttributeError, TypeError):
            return 0


class Router:
    """Corral, as a runtime talks to it."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._http = httpx.Client(
            base_url=wishes.router,
            headers={"authorization": f"Bearer {wishes.key}"},
            timeout=ANSWER_S,
            trust_env=False,
        )
        self._id: str | None = None
        self._token = ""

    @property
    def registered(self) -> bool:
        """Whether heartbeats make sense."""
        return self._id is not None

    def register(self, gpus: list[Gpu]) -> None:
        """Raises Problem, httpx.HTTPError."""
        port = urlsplit(self._wishes.server).port or 80
        answer = self._http.post(
            "/v0/runtimes",
            json={
                "machine_name": self._wishes.name,
                "ip_address": self._wishes.address,
                "runtime_version": VERSION,
                "runtime_port": port,
                "runtime_api_port": port,
                "gpu_available": bool(gpus),
                "gpu_devices": [{"model": each.name, "count": 1} for each in gpus],
            },
        )
        document = _checked(answer)
        self._id, self._token = document["runtime_id"], document["runtime_token"]
        say(f"{document['status']} as {self._id}")

    def beat(self, heartbeat: dict[str, Any]) -> str | None:
        """How the router sees the server; None if it has to register again. Raises Problem, httpx.HTTPError."""
        answer = self._http.post(
            "/v0/health", json={"runtime_id": self._id, **heartbeat}, headers=self._own_headers()
        )
        if _code(answer) == "invalid_runtime_token":
            self._id = None
            return None
        return str(_checked(answer)["status"])

    def unregister(self) -> None:
        """Take it out again. Raises Problem, httpx.HTTPError."""
        if self._id is not None:
            _checked(self._http.delete(f"/v0/runtimes/{self._id}", headers=self._own_headers()))
            say("taken out")

    def _own_headers(self) -> dict[str, str]:
        return {"x-runtime-token": self._token}


def main() -> int:
    """Until interrupted."""
    wishes = _wishes()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server, router = Server(wishes.server), Router(wishes)
    status = ""
    psutil.cpu_percent()  # the first reading means nothing
    try:
        while not stop.is_set():
            try:
                status = _step(server, router, status)
            except httpx.HTTPError as error:
                status = _changed(status, f"the router can't be reached ({error}); trying again")
            stop.wait(wishes.interval_s)
        router.unregister()
    except (Problem, httpx.HTTPError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _step(server: Server, router: Router, status: str) -> str:
    """One heartbeat. A server that is down sends none, so that nobody waits for it."""
    models = server.models()
    if models is None:
        return _changed(status, "the server doesn't answer; waiting for it")
    gpus = read_gpus()
    if not router.registered:
        router.register(gpus)
    seen = router.beat(heartbeat(models, server.active_requests(), gpus))
    return _changed(status, "the router knows it no more; registering again" if seen is None else seen)


def heartbeat(models: list[str], active_requests: int, gpus: list[Gpu]) -> dict[str, Any]:
    """The load of this machine now."""
    said: dict[str, Any] = {
        "cpu_usage": psutil.cpu_percent(),
        "memory_usage": psutil.virtual_memory().percent,
        "active_requests": active_requests,
        "loaded_models": models,
    }
    if gpus:
        said |= {
            "gpu_usage": sum(each.used_percent for each in gpus) / len(gpus),
            "gpu_memory_used_mb": sum(each.memory_used_mb for each in gpus),
            "gpu_memory_total_mb": sum(each.memory_total_mb for each in gpus),
            "gpu_temperature": max(each.celsius for each in gpus),
            "gpu_model_name": gpus[0].name,
        }
    return said


def read_gpus() -> list[Gpu]:
    """The graphics cards of NVIDIA in this machine."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    words = [command, f"--query-gpu={GPU_QUERY}", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(words, capture_output=True, text=True, timeout=ANSWER_S, check=True).stdout
        rows = [line.split(", ") for line in output.splitlines()]
        return [Gpu(row[0], *(float(each) for each in row[1:])) for row in rows]
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return []


def say(words: str) -> None:
    """To whoever watches."""
    print(words, flush=True)


def _changed(before: str, now: str) -> str:
    if now != before:
        say(now)
    return now


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        answer.raise_for_status()
    try:
        document: dict[str, Any] = answer.json()
    except ValueError as error:
        raise Problem("what answers there is no Corral; look at --router") from error
    if answer.is_error:
        raise Problem(str(document["error"]["message"]))
    return document


def _code(answer: httpx.Response) -> object:
    try:
        return answer.json()["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None


def _wishes() -> Wishes:
    parser = argparse.ArgumentParser(description="Register a server with Corral while this runs.")
    parser.add_argument("--router", required=True, help="URL of any machine of the cluster")
    parser.add_argument(
        "--key", default=os.environ.get("CORRAL_KEY"), help="an API key with the scope `runtime`"
    )
    parser.add_argument("--server", required=True, help="URL of the server, as the router reaches it")
    parser.add_argument("--name", default=socket.gethostname(), help="what to call it; else the host name")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two heartbeats")
    given = parser.parse_args()
    if not given.key:
        parser.error("give a key: --key, or CORRAL_KEY in the environment")
    host = urlsplit(given.server).hostname
    if host is None:
        parser.error("--server must be a URL such as http://192.168.1.100:8080")
    return Wishes(
        router=given.router.rstrip("/"),
        key=given.key,
        server=given.server.rstrip("/"),
        name=given.name,
        address=_address(host),
        interval_s=given.interval,
    )


def _address(host: str) -> str:
    """The IP address of a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return socket.gethostbyname(host)


if __name__ == "__main__":
    sys.exit(main())

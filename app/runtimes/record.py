"""What the cluster keeps of a runtime that registered by HTTP."""

import ipaddress
from dataclasses import dataclass
from typing import NewType

RuntimeId = NewType("RuntimeId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """Graphics cards of one kind in a machine."""

    model: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a runtime says when it registers."""

    machine_name: str
    address: str  # of the runtime, an IP address
    runtime_port: int
    api_port: int  # where its OpenAI API answers
    version: str
    gpu_available: bool
    gpus: tuple[Gpu, ...] = ()
    only_from: str | None = (
        None  # id of the one node that reaches it: it registered an address of that very machine
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What administrators set of a runtime."""

    name: str | None = None  # else the machine's
    enabled: bool = True
    weight: float = 1.0  # of two equal ones the heavier is chosen more often
    max_concurrent: int | None = None  # requests at the same time; None: as many as servers of its kind take
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeRecord:
    """One runtime. Times are Unix time in seconds."""

    id: RuntimeId
    registration: Registration
    created_at: float
    registered_at: float  # last
    disconnected: bool = False  # by an administrator, until it registers again
    settings: RuntimeSettings = RuntimeSettings()

    @property
    def name(self) -> str:
        """What people call it."""
        return self.settings.name or self.registration.machine_name

    @property
    def base_url(self) -> str:
        """Of its OpenAI API, without /v1."""
        registered = self.registration
        return url_of(registered.address, registered.api_port)


def url_of(address: str, port: int) -> str:
    """`address` is an IP address."""
    host = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    return f"http://{host}:{port}"

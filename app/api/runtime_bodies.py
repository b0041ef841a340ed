"""What runtimes and administrators send to /v0/runtimes and /v0/health."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.openai.validation import Whole
from corral.app.runtimes.address import usable_address
from corral.app.runtimes.heartbeat import Heartbeat
from corral.app.runtimes.record import Gpu, Registration
from corral.engines.errors import InvalidRequest

_MOST_PORT = 65_535


def _readable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be readable text without line breaks")
    return text.strip()


def _percent(value: Any) -> Any:
    """Some count each core's hundred per cent."""
    return min(100.0, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


_Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_readable)]
_Model = Annotated[str, Field(min_length=1, max_length=300)]
_Port = Annotated[Whole, Field(ge=1, le=_MOST_PORT)]
_Count = Annotated[Whole, Field(ge=0, le=1_000_000)]
_Percent = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=100, allow_inf_nan=False)]
_Number = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_Models = Annotated[list[_Model], Field(max_length=1000)]


class GpuDevice(JsonShape):
    """Graphics cards of one kind."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: _Name
    count: Annotated[Whole, Field(ge=1, le=1024)] = 1
    memory: Annotated[Whole, Field(ge=0)] | None = None


class NewRuntime(JsonShape):
    """A runtime that registers. Its OpenAI API is at `runtime_api_port`; without it, at the port after `runtime_port`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    machine_name: _Name
    ip_address: Annotated[str, Field(min_length=2, max_length=64)]
    runtime_version: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_readable)]
    runtime_port: _Port
    runtime_api_port: _Port | None = None
    gpu_available: bool
    gpu_devices: Annotated[list[GpuDevice], Field(max_length=64)] = Field(default_factory=list)
    gpu_count: _Count | None = None
    gpu_model: _Name | None = None

    def registration(self, *, node: str, from_this_machine: bool) -> Registration:
        """Raises UnusableAddress, InvalidRequest. `node` is the one that is asked."""
        address, only_here = usable_address(self.ip_address, from_this_machine=from_this_machine)
        api_port = self.runtime_api_port or self.runtime_port + 1
        if api_port > _MOST_PORT:
            raise InvalidRequest(
                f"`runtime_port` is {self.runtime_port}, and no port follows it for the OpenAI API; name it in "
                "`runtime_api_port`",
                param="runtime_port",
            )
        return Registration(
            machine_name=self.machine_name,
            address=address,
            runtime_port=self.runtime_port,
            api_port=api_port,
            version=self.runtime_version,
            gpu_available=self.gpu_available,
            gpus=self._gpus(),
            only_from=node if only_here else None,
        )

    def _gpus(self) -> tuple[Gpu, ...]:
        if not self.gpu_devices and self.gpu_model is not None:
            return (Gpu(model=self.gpu_model, count=self.gpu_count or 1),)
        return tuple(Gpu(model=each.model, count=each.count) for each in self.gpu_devices)


class RuntimeHeartbeat(JsonShape):
    """How a runtime is. Usages are per cent; what is above 100 counts as 100."""

    model_config = ConfigDict(extra="forbid", strict=True)

    runtime_id: Annotated[str, Field(min_length=1, max_length=64)]
    cpu_usage: _Percent
    memory_usage: _Percent
    gpu_usage: _Percent | None = None
    gpu_memory_usage: _Percent | None = None
    gpu_memory_total_mb: _Number | None = None
    gpu_memory_used_mb: _Number | None = None
    gpu_temperature: Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)] | None = None
    gpu_model_name: _Name | None = None
    gpu_compute_capability: Annotated[str, Field(max_length=32)] | None = None
    gpu_capability_score: _Count | None = None
    active_requests: _Count = 0
    average_response_time_ms: _Number | None = None
    loaded_models: _Models = Field(default_factory=list)
    loaded_embedding_models: _Models = Field(default_factory=list)
    initializing: bool = False
    ready_models: Annotated[list[_Count], Field(min_length=2, max_length=2)] | None = None

    def heartbeat(self) -> Heartbeat:
        """The same for choosing."""
        ready = self.ready_models
        return Heartbeat(
            cpu=self.cpu_usage,
            memory=self.memory_usage,
            gpu=self.gpu_usage,
            gpu_memory=self._gpu_memory(),
            gpu_celsius=self.gpu_temperature,
            gpu_model=self.gpu_model_name,
            active_requests=self.active_requests,
            average_response_ms=self.average_response_time_ms,
            loaded_models=tuple(self.loaded_models),
            loaded_embedding_models=tuple(self.loaded_embedding_models),
            initializing=self.initializing,
            ready_models=None if ready is None else (ready[0], ready[1]),
        )

    def _gpu_memory(self) -> float | None:
        if self.gpu_memory_usage is None and self.gpu_memory_total_mb and self.gpu_memory_used_mb is not None:
            return min(100.0, 100.0 * self.gpu_memory_used_mb / self.gpu_memory_total_mb)
        return self.gpu_memory_usage


class RuntimeChange(JsonShape):
    """What to change; what is missing stays as it is. Null takes a name of its own or a limit away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: _Name | None = None
    enabled: bool = True
    weight: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0
    max_concurrent: Annotated[Whole, Field(ge=1, le=10_000)] | None = None
    notes: Annotated[str, Field(max_length=2000)] = ""

    def changes(self) -> dict[str, object]:
        """By the names in RuntimeSettings."""
        return {name: getattr(self, name) for name in self.model_fields_set}

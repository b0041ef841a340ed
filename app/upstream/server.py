"""A server elsewhere as it is reached: where, with which key, how patiently."""

from dataclasses import dataclass, field
from enum import StrEnum

from corral.app.gateway.endpoint import EndpointId

TIMEOUT_S = 120.0


class ServerKind(StrEnum):
    """Which program answers there; all speak OpenAI's routes."""

    XLLM = "xllm"
    OLLAMA = "ollama"
    LM_STUDIO = "lm_studio"
    VLLM = "vllm"
    LLAMA_CPP = "llama_cpp"
    OPENAI_COMPATIBLE = "openai_compatible"


_SLOTS = {
    ServerKind.XLLM: 16,
    ServerKind.OLLAMA: 16,
    ServerKind.LM_STUDIO: 16,
    ServerKind.VLLM: 256,
    ServerKind.LLAMA_CPP: 16,
    ServerKind.OPENAI_COMPATIBLE: 64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`base_url` has no trailing slash and ends before `/v1`."""

    id: EndpointId
    name: str
    base_url: str
    kind: ServerKind = ServerKind.OPENAI_COMPATIBLE
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S  # of each silence, the one before the answer too
    weight: float = 1.0
    slots: int | None = None  # requests that it answers at the same time; None: as its kind usually does

    @property
    def usual_slots(self) -> int:
        """How many requests for one model it gets at the same time."""
        return _SLOTS[self.kind] if self.slots is None else self.slots

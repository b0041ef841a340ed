"""What becomes known of a request on its way; the history, the quotas and the headers read it."""

from dataclasses import dataclass

from corral.engines.events import Event


@dataclass(slots=True, kw_only=True)
class Trace:
    """Filled in by whoever knows. Times are seconds since the request arrived."""

    endpoint_id: str | None = None
    endpoint_name: str | None = None
    node_name: str | None = None
    queued_s: float = 0.0  # waited for a slot
    first_token_s: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt
    completion_tokens: int = 0
    error_code: str | None = None  # of an answer that failed, also after its first byte
    broke: bool = False  # the endpoint broke its answer off: what it says now is the error event
    continued_on: tuple[str, ...] = ()  # names of the endpoints that went on with it
    events: list[Event] | None = (
        None  # of a stream of this machine; what the history keeps instead of its bytes
    )

    @property
    def tokens(self) -> int:
        """Read and generated."""
        return self.prompt_tokens + self.completion_tokens

"""What can be asked of a model: frozen values that know nothing of HTTP and travel as msgpack.

The edge that makes them (the HTTP API) has checked ranges already; engines check what only they can know
(does the prompt fit, does the schema compile, does the token exist).
"""

from typing import Any, Literal

import msgspec


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next token is drawn. Defaults are llama.cpp's; temperature 0 means greedy."""

    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 40  # 0 = off
    min_p: float = 0.05
    typical_p: float = 1.0
    repeat_penalty: float = 1.0  # over prompt and answer
    repeat_last_n: int = 64  # tokens; -1 = whole context
    presence_penalty: float = 0.0  # over the answer only
    frequency_penalty: float = 0.0  # over the answer only
    logit_bias: dict[int, float] = {}  # token id → added to its logit
    seed: int | None = None  # None = random


class JsonObject(msgspec.Struct, frozen=True, kw_only=True, tag="json_object"):
    """Any JSON object."""


class JsonSchema(msgspec.Struct, frozen=True, kw_only=True, tag="json_schema"):
    """JSON that validates against `schema`. Engines refuse keywords they can't enforce."""

    schema: dict[str, Any] | bool


class Gbnf(msgspec.Struct, frozen=True, kw_only=True, tag="gbnf"):
    """Text that a GBNF grammar (llama.cpp's notation) accepts; the start rule is `root`."""

    grammar: str


OutputFormat = JsonObject | JsonSchema | Gbnf


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """What chat and plain completion have in common."""

    sampling: Sampling = Sampling()
    max_tokens: int | None = None  # None = until the model stops or its context is full
    stop: tuple[str, ...] = ()
    n: int = 1  # choices; they share the prompt's KV
    top_logprobs: int | None = None  # None = no logprobs; 0..20 alternatives per token
    output_format: OutputFormat | None = None  # None = free text


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the assistant made earlier. `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One chat message. Text parts are joined by the edge."""

    role: str  # system, developer, user, assistant, tool
    content: str | None = None
    name: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call. `parameters` is a JSON schema (None: no parameters)."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool = False


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """auto: the model decides; required: at least one call; named: exactly a call of `name`."""

    mode: Literal["none", "auto", "required", "named"] = "auto"
    name: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, tag="chat"):
    messages: tuple[Message, ...]
    generation: Generation = Generation()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    template_variables: dict[str, Any] = {}  # extra variables for the chat template, e.g. enable_thinking


class ContinuedChat(ChatRequest, frozen=True, kw_only=True, tag="continued_chat"):
    """A chat whose answer was begun elsewhere. A kind of its own: who doesn't know it must not begin anew."""

    answer_so_far: str  # its content, not empty; what follows it is generated


class CompletionRequest(msgspec.Struct, frozen=True, kw_only=True, tag="completion"):
    prompt: str | tuple[int, ...]  # text or token ids
    generation: Generation = Generation()
    suffix: str | None = None  # infill: text after the hole; needs FIM tokens in the vocabulary
    echo: bool = False


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True, tag="embedding"):
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None  # truncates and normalises again


class RerankRequest(msgspec.Struct, frozen=True, kw_only=True, tag="rerank"):
    query: str
    documents: tuple[str, ...]


class TokenCountRequest(msgspec.Struct, frozen=True, kw_only=True, tag="token_count"):
    """How many tokens a request's prompt has, as the model would read it; nothing is generated."""

    prompt: ChatRequest | ContinuedChat | CompletionRequest


Request = (
    ChatRequest | ContinuedChat | CompletionRequest | EmbeddingRequest | RerankRequest | TokenCountRequest
)

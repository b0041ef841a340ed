"""The request of POST /v1/messages and the chat completion it stands for."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from corral.app.dialects.anthropic.messages import chat_messages
from corral.app.dialects.anthropic.tools import chat_tools
from corral.app.dialects.asking import is_cloud
from corral.app.json_shape import JsonShape
from corral.app.openai.generation import MAX_STOPS, Count
from corral.app.openai.validation import Whole
from corral.engines.errors import InvalidRequest

_OPEN = ConfigDict(extra="allow", strict=True)
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}

Blocks = list[dict[str, Any]]


class InputMessage(JsonShape):
    """One turn of the conversation."""

    model_config = _OPEN

    role: Literal["user", "assistant", "system"]
    content: str | Blocks


class ThinkingConfig(JsonShape):
    """Whether the model may think first; models here have no budget for it."""

    model_config = _OPEN

    type: str
    display: str | None = None


class OutputFormat(JsonShape):
    """A schema that the answer's text has to follow."""

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(JsonShape):
    """What the answer has to be like."""

    model_config = _OPEN

    effort: str | None = None
    format: OutputFormat | None = None


class PromptFields(JsonShape):
    """What the model reads. Fields nobody here knows, such as `cache_control`, are accepted."""

    model_config = _OPEN

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[InputMessage], Field(min_length=1)]
    system: str | Blocks | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None

    @property
    def shows_thinking(self) -> bool:
        """Whether the client wants to see what the model thinks."""
        return self.thinks and self.thinking is not None and self.thinking.display != "omitted"

    @property
    def thinks(self) -> bool:
        """Whether the model is to think: only if it is told to, as at Anthropic."""
        return self.thinking is not None and self.thinking.type != "disabled"

    def prompt(self) -> dict[str, Any]:
        """What a chat completion has of it. Raises InvalidRequest, which names the field."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": chat_messages([each.model_dump() for each in self.messages], system=self.system),
            **chat_tools(self.tools or (), self.tool_choice),
        }
        if self._goes_on(body):
            body |= {"continue_final_message": True, "add_generation_prompt": False}  # as vLLM calls it
        return body | self._thinking() | self._format()

    def _goes_on(self, body: dict[str, Any]) -> bool:
        """Whether the last message is the beginning of the answer. Not where calls or a format leave no choice."""
        last = body["messages"][-1]
        free = body.get("tool_choice", "auto") in ("auto", "none") and not self._format()
        return last["role"] == "assistant" and bool(last["content"]) and len(last) == 2 and free

    def _thinking(self) -> dict[str, Any]:
        if is_cloud(self.model):
            return {}
        fields: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": self.thinks}}
        effort = None if self.output_config is None else _EFFORTS.get(self.output_config.effort or "")
        return fields | {"reasoning_effort": effort} if self.thinks and effort else fields

    def _format(self) -> dict[str, Any]:
        wanted = self.output_format or (None if self.output_config is None else self.output_config.format)
        if wanted is None:
            return {}
        schema = {"name": "answer", "schema": wanted.schema_, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}


class TokenCountBody(PromptFields):
    """Body of POST /v1/messages/count_tokens."""

    def chat_body(self) -> dict[str, Any]:
        """The chat completion whose prompt is counted. Raises InvalidRequest."""
        return self.prompt()


class MessagesRequest(PromptFields):
    """Body of POST /v1/messages."""

    max_tokens: Count
    stop_sequences: Annotated[list[str], Field(max_length=MAX_STOPS)] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[Whole, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: dict[str, Any] | None = None

    def chat_body(self) -> dict[str, Any]:
        """The body for /v1/chat/completions. Raises InvalidRequest, which names the field."""
        body = self.prompt()
        body["max_completion_tokens" if is_cloud(self.model) else "max_tokens"] = self.max_tokens
        if self.stop_sequences:
            if "" in self.stop_sequences:
                raise InvalidRequest("`stop_sequences` must not be empty texts", param="stop_sequences")
            body["stop"] = self.stop_sequences
        for name in ("temperature", "top_p", "top_k"):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        if self.top_p == 0:
            body |= {"top_p": 1.0, "temperature": 0.0}  # the most likely token only, which is what it means
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

"""The request of POST /v1/responses and the chat completion it stands for."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.openai.responses.items import messages_from_items
from corral.engines.errors import InvalidRequest

Item = Mapping[str, Any]

_LOGPROBS = "message.output_text.logprobs"
_SAMPLING = ("temperature", "top_p", "top_logprobs", "user", "metadata", "parallel_tool_calls")


class TextFormat(JsonShape):
    """What the text of the answer has to be."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextConfig(JsonShape):
    """Settings of the text output."""

    model_config = ConfigDict(extra="allow")

    format: TextFormat | None = None


class ReasoningConfig(JsonShape):
    """How much the model may think."""

    model_config = ConfigDict(extra="allow")

    effort: str | None = None


class ResponseRequest(JsonShape):
    """Body of POST /v1/responses. Unknown fields are passed on to the endpoint."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(min_length=1)]
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = True
    stream: bool | None = False
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    include: list[str] | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    metadata: dict[str, str] | None = None
    background: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None

    def input_items(self) -> list[dict[str, Any]]:
        """The input as items: a plain string is one user message."""
        if isinstance(self.input, str):
            return [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": self.input}]}
            ]
        return self.input


def chat_body(request: ResponseRequest, items: Sequence[Item]) -> dict[str, Any]:
    """The body for /v1/chat/completions, always streamed. `items`: the whole conversation, oldest first.

    Raises InvalidRequest, which names the field.
    """
    if request.background:
        raise InvalidRequest(
            "background responses are not supported; leave `background` out", param="background"
        )
    body: dict[str, Any] = dict(request.model_extra or {})
    body["model"] = request.model
    body["messages"] = messages_from_items(items, instructions=request.instructions)
    body["stream"] = True
    body["stream_options"] = {"include_usage": True}
    for name in _SAMPLING:
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.max_output_tokens is not None:
        body["max_completion_tokens"] = request.max_output_tokens
    if request.top_logprobs is not None or _LOGPROBS in (request.include or ()):
        body["logprobs"] = True
    if request.reasoning is not None and request.reasoning.effort is not None:
        body["reasoning_effort"] = request.reasoning.effort
    if request.text is not None and request.text.format is not None:
        body |= _response_format(request.text.format)
    return body | _tools(request)


def _response_format(wanted: TextFormat) -> dict[str, Any]:
    if wanted.type == "text":
        return {}
    if wanted.type == "json_object":
        return {"response_format": {"type": "json_object"}}
    if wanted.schema_ is None:
        raise InvalidRequest("a json_schema format needs its `schema`", param="text.format.schema")
    schema = {"name": wanted.name or "answer", "schema": wanted.schema_, "strict": wanted.strict}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _tools(request: ResponseRequest) -> dict[str, Any]:
    if not request.tools:
        return {}
    tools = [_function(number, tool) for number, tool in enumerate(request.tools)]
    choice: Any = request.tool_choice
    if isinstance(choice, dict):
        match choice.get("type"):
            case "function":
                choice = {"type": "function", "function": {"name": choice.get("name")}}
            case "allowed_tools":
                allowed = {tool.get("name") for tool in choice.get("tools", ()) if isinstance(tool, dict)}
                tools = [tool for tool in tools if tool["function"]["name"] in allowed]
                choice = choice.get("mode", "auto")
            case other:
                raise InvalidRequest(f"tool_choice of type {other!r} is not supported", param="tool_choice")
    return {"tools": tools} | ({} if choice is None else {"tool_choice": choice})


def _function(number: int, tool: Item) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise InvalidRequest(
            f"tools of type {tool.get('type')!r} are not supported here, only `function`",
            param=f"tools.{number}.type",
        )
    if not isinstance(tool.get("name"), str):
        raise InvalidRequest("a function tool needs a `name`", param=f"tools.{number}.name")
    function = {
        key: tool[key] for key in ("name", "description", "parameters", "strict") if tool.get(key) is not None
    }
    return {"type": "function", "function": function}

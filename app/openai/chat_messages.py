"""Chat messages as they come over HTTP, and as an engine reads them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.openai.validation import MissingField
from corral.engines.errors import InvalidRequest, ModelLacksCapability
from corral.engines.requests import Message, ToolCall

_OPEN = ConfigDict(extra="allow", strict=True)


class TextPart(JsonShape):
    model_config = _OPEN
    type: Literal["text"]
    text: str


class RefusalPart(JsonShape):
    model_config = _OPEN
    type: Literal["refusal"]
    refusal: str


class MediaPart(JsonShape):
    """A picture, sound or file."""

    model_config = _OPEN
    type: Literal["image_url", "input_audio", "file"]


ContentPart = Annotated[TextPart | RefusalPart | MediaPart, Field(discriminator="type")]


class CalledFunction(JsonShape):
    model_config = _OPEN
    name: str
    arguments: str = ""


class MessageToolCall(JsonShape):
    model_config = _OPEN
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(JsonShape):
    """One message of the conversation."""

    model_config = _OPEN

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None  # deprecated by OpenAI


def engine_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Raises InvalidRequest and ModelLacksCapability, naming the message."""
    return tuple(_message(message, f"messages.{number}") for number, message in enumerate(messages))


def _message(message: ChatMessage, at: str) -> Message:
    _check(message, at)
    calls = [
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in message.tool_calls or ()
    ]
    if message.function_call is not None:
        called = message.function_call
        calls.append(ToolCall(id=_legacy_id(called.name), name=called.name, arguments=called.arguments))
    legacy = message.role == "function"
    return Message(
        role="tool" if legacy else message.role,
        content=_text(message.content, f"{at}.content"),
        name=message.name,
        reasoning_content=message.reasoning_content,
        tool_calls=tuple(calls),
        tool_call_id=_legacy_id(message.name or "") if legacy else message.tool_call_id,
    )


def _check(message: ChatMessage, at: str) -> None:
    calls = bool(message.tool_calls) or message.function_call is not None
    if calls and message.role != "assistant":
        raise InvalidRequest("only messages of the assistant have tool calls", param=f"{at}.tool_calls")
    if (
        message.content is None
        and not calls
        and not (message.role == "assistant" and message.reasoning_content)
    ):
        raise MissingField(f"a {message.role} message needs `content`", param=f"{at}.content")
    if message.role == "tool" and message.tool_call_id is None:
        raise MissingField(
            "a tool message needs `tool_call_id`: the id of the call that it answers",
            param=f"{at}.tool_call_id",
        )


def _text(content: str | list[Any] | None, at: str) -> str | None:
    if not isinstance(content, list):
        return content
    texts = []
    for number, part in enumerate(content):
        if isinstance(part, MediaPart):
            raise ModelLacksCapability(
                f"this model reads text only; leave parts of type {part.type!r} out", param=f"{at}.{number}"
            )
        texts.append(part.text if isinstance(part, TextPart) else part.refusal)
    return "".join(texts)


def _legacy_id(name: str) -> str:
    """Functions had no ids: a call and its answer meet by the function's name."""
    return f"call_{name}"

"""The content of chat messages as the translations read it: texts, files inside the message, links. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from corral.app.openai.chat_messages import ChatMessage, MediaPart, RefusalPart, TextPart
from corral.engines.errors import InvalidRequest

_DATA_URL_HEAD = re.compile(r"data:(?P<type>[\w.+/-]+)(?:;[\w=.+-]+)*;base64", re.IGNORECASE)
_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mp3"}
_LEGACY_PREFIX = "call_"  # functions had no ids: a call and its answer meet by the function's name


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A picture, sound or document inside the message."""

    media_type: str
    data: str  # base64
    name: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """A picture that the provider has to fetch."""

    url: str


Piece = str | InlineFile | LinkedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call of an earlier answer."""

    id: str
    name: str
    arguments: dict[str, Any]


def pieces(content: str | Sequence[Any] | None, at: str) -> list[Piece]:
    """A message's content without empty texts. Raises InvalidRequest, naming the part."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [content]
    found = [_piece(part, f"{at}.{number}") for number, part in enumerate(content)]
    return [each for each in found if each != ""]


def text_of(content: str | Sequence[Any] | None, at: str) -> str:
    """Content that may be text only. Raises InvalidRequest."""
    found = pieces(content, at)
    if not all(isinstance(each, str) for each in found):
        raise InvalidRequest("only text is possible in this message", param=at)
    return "".join(each for each in found if isinstance(each, str))


def calls_of(message: ChatMessage, at: str) -> list[Call]:
    """The tool calls of an assistant's message, the deprecated kind too. Raises InvalidRequest."""
    calls = [
        Call(
            id=each.id,
            name=each.function.name,
            arguments=_arguments(each.function.arguments, f"{at}.tool_calls.{number}.function.arguments"),
        )
        for number, each in enumerate(message.tool_calls or ())
    ]
    if message.function_call is not None:
        called = message.function_call
        arguments = _arguments(called.arguments, f"{at}.function_call.arguments")
        calls.append(Call(id=_LEGACY_PREFIX + called.name, name=called.name, arguments=arguments))
    return calls


def answered_call(message: ChatMessage, at: str) -> str:
    """The id of the call that a tool message answers. Raises InvalidRequest."""
    if message.role == "function":
        return _LEGACY_PREFIX + (message.name or "")
    if message.tool_call_id is None:
        raise InvalidRequest(
            "a tool message needs `tool_call_id`: the id of the call that it answers",
            param=f"{at}.tool_call_id",
        )
    return message.tool_call_id


def _piece(part: object, at: str) -> Piece:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, RefusalPart):
        return part.refusal
    assert isinstance(part, MediaPart)
    fields: dict[str, Any] = part.model_extra or {}
    value = fields.get(part.type)
    if part.type == "image_url":
        url = value.get("url") if isinstance(value, dict) else value
        return _image(url, f"{at}.image_url.url")
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{part.type}` must be an object", param=f"{at}.{part.type}")
    return _sound(value, at) if part.type == "input_audio" else _file(value, at)


def _image(url: object, at: str) -> Piece:
    if not isinstance(url, str):
        raise InvalidRequest("`url` must be a string: a data URL or a link", param=at)
    if url[:5].lower() == "data:":
        return _inline(url, at)
    if url[:8].lower().startswith(("http://", "https://")):
        return LinkedImage(url)
    raise InvalidRequest("an image's `url` is a data URL with base64, or begins with https://", param=at)


def _sound(value: dict[str, Any], at: str) -> InlineFile:
    media_type, data = _AUDIO_TYPES.get(str(value.get("format"))), value.get("data")
    if media_type is None or not isinstance(data, str):
        raise InvalidRequest(
            "`input_audio` has `data` (base64) and a `format`: wav or mp3", param=f"{at}.input_audio"
        )
    return InlineFile(media_type=media_type, data=data)


def _file(value: dict[str, Any], at: str) -> InlineFile:
    data, name = value.get("file_data"), value.get("filename")
    if not isinstance(data, str):
        raise InvalidRequest(
            "send a file's content as `file_data`, a data URL; ids of uploaded files mean nothing here",
            param=f"{at}.file.file_data",
        )
    return _inline(data, f"{at}.file.file_data", name=name if isinstance(name, str) else None)


def _inline(url: str, at: str, *, name: str | None = None) -> InlineFile:
    head, _, data = url.partition(",")
    found = _DATA_URL_HEAD.fullmatch(head)
    if found is None or not data:
        raise InvalidRequest("this data URL can't be read; it begins like data:image/png;base64,", param=at)
    return InlineFile(media_type=found["type"].lower(), data=data, name=name)


def _arguments(text: str, at: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the arguments of a tool call must be a JSON object", param=at) from error
    if not isinstance(value, dict):
        raise InvalidRequest("the arguments of a tool call must be a JSON object", param=at)
    return value

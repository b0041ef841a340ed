"""A model's chat template: messages in, prompt out. Templates are untrusted, and their habits are found by trying them."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError

from corral.engines.errors import InvalidRequest
from corral.engines.llama.budget import Budget, LimitExceeded, limits, traced
from corral.engines.llama.sandbox import Sandbox, TemplateRefusal
from corral.engines.requests import Message, Tool, ToolCall

_MOST_SOURCE = 512 * 1024  # characters
_MOST_OUTPUT = 32 * 1024 * 1024  # characters
_SPARE_WORK = 64 * 1024 * 1024  # characters that expressions may make, and so many times the messages' size:
_WORK_FACTOR = 32
_SECONDS = 2.0  # of CPU time, and a little for each message: some templates look at all others for each
_SECONDS_PER_MESSAGE = 0.01
_SHORT_ID = 9  # characters: what Mistral's templates ask of a call's id

PROBE_TOOL = Tool(
    name="probe_tool",
    description="probe description",
    parameters={"type": "object", "properties": {"probe_key": {"type": "string"}}, "required": ["probe_key"]},
)
_USER = Message(role="user", content="probe question")
_CALL = Message(
    role="assistant",
    tool_calls=(
        ToolCall(id="call_probe00000", name=PROBE_TOOL.name, arguments='{"probe_key": "probe value"}'),
    ),
)
_RESULT = Message(role="tool", content="probe result", tool_call_id="call_probe00000", name=PROBE_TOOL.name)


class TemplateStopped(InvalidRequest):
    """A template took too much time or memory."""


@dataclass(frozen=True)
class Habits:
    """What a template wants its input to look like, and what it makes of it."""

    content_parts: bool = False  # content as a list of parts instead of text
    arguments_text: bool = False  # a call's arguments as JSON text instead of a mapping
    empty_tools: bool = False  # an empty list instead of none where there are no tools
    null_content: bool = False  # no content instead of an empty one beside calls
    short_ids: bool = False  # ids of calls have 9 characters
    supports_system: bool = True
    supports_developer: bool = False
    supports_tools: bool = False  # names the tools that the model may call
    supports_tool_calls: bool = False  # writes earlier calls and their results
    call_text: str = ""  # how it writes a call of PROBE_TOOL


class ChatTemplate:
    """A compiled template. Thread-safe. Every failure is an InvalidRequest."""

    def __init__(
        self,
        source: str,
        bos: str,
        eos: str,
        *,
        seconds: float = _SECONDS,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.source = source
        self._names = {"bos_token": bos, "eos_token": eos}
        self._seconds = seconds
        self._now = now
        self._template = self._compile(Sandbox(now=now))
        self.habits = find_habits(self)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt. System messages become part of the first user message where the template knows no such role."""
        habits = self.habits
        fitting = _known_roles(messages, habits)
        return self.render_as(
            habits, fitting, tools, add_generation_prompt=add_generation_prompt, variables=variables
        )

    def render_as(
        self,
        habits: Habits,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """As `render`, with these habits instead of the found ones, and roles untouched."""
        described = [_as_openai_tool(tool) for tool in tools]
        values = {
            **(variables or {}),
            **self._names,
            "messages": as_openai_messages(messages, habits),
            "tools": described or ([] if habits.empty_tools else None),
            "functions": json.dumps(described, indent=4),
            "datetime": self._now().strftime("%B %d %Y %H:%M:%S"),
            "add_generation_prompt": add_generation_prompt,
        }
        work = _SPARE_WORK + _WORK_FACTOR * sum(len(message.content or "") for message in messages)
        seconds = self._seconds + _SECONDS_PER_MESSAGE * len(messages)
        with self._guarded(seconds, work):
            return _joined(self._template.generate(values))

    def _compile(self, sandbox: Sandbox) -> Template:
        if len(self.source) > _MOST_SOURCE:
            raise InvalidRequest(
                f"this model's chat template is longer than {_MOST_SOURCE} characters and was refused"
            )
        with self._guarded(self._seconds, _SPARE_WORK) as budget, traced(budget, "jinja2"):
            return sandbox.from_string(self.source)

    @contextmanager
    def _guarded(self, seconds: float, size: int) -> Iterator[Budget]:
        try:
            with limits(seconds=seconds, size=size) as budget:
                yield budget
        except LimitExceeded as error:
            raise TemplateStopped(f"this model's chat template was stopped: {error}") from None
        except TemplateRefusal as error:
            raise InvalidRequest(
                f"this model's chat template refuses the messages: {error}", param="messages"
            ) from None
        except TemplateSyntaxError as error:
            raise InvalidRequest(
                f"this model's chat template has an error in line {error.lineno}: {error.message}"
            ) from error
        except TemplateError as error:
            raise InvalidRequest(f"this model's chat template failed: {error.message}") from error
        except Exception as error:  # a template is code: it can raise anything
            raise InvalidRequest(
                f"this model's chat template failed on these messages: {type(error).__name__}: {str(error)[:200]}",
                param="messages",
            ) from error


def find_habits(template: ChatTemplate) -> Habits:
    """Try conversations on the template and look at what comes out."""
    habits = _find_content(template)
    system = (Message(role="system", content="probe system"), _USER)
    developer = (Message(role="developer", content="probe developer"), _USER)
    habits = replace(
        habits,
        supports_system="probe system" in _tried(template, habits, system),
        supports_developer="developer" in template.source
        and "probe developer" in _tried(template, habits, developer),
        supports_tools=_shows_tools(template, habits),
    )
    return _find_calls(template, habits)


def _find_content(template: ChatTemplate) -> Habits:
    for habits in (Habits(), Habits(content_parts=True), Habits(empty_tools=True)):
        if _USER.content and _USER.content in _tried(template, habits, (_USER,)):
            return habits
    return Habits()


def _shows_tools(template: ChatTemplate, habits: Habits) -> bool:
    shown = _tried(template, habits, (_USER,), (PROBE_TOOL,))
    return PROBE_TOOL.name in shown and "probe_key" in shown


def _find_calls(template: ChatTemplate, habits: Habits) -> Habits:
    """How the template writes an assistant's call, if it does at all."""
    tools = (PROBE_TOOL,) if habits.supports_tools else ()
    for null, text, short in itertools.product((False, True), repeat=3):
        fitting = replace(habits, null_content=null, arguments_text=text, short_ids=short)
        before = _tried(template, fitting, (_USER,), tools, prompt=False)
        whole = _tried(template, fitting, (_USER, _CALL), tools, prompt=False)
        answered = _tried(template, fitting, (_USER, _CALL, _RESULT), tools)
        written = whole[_shared(before, whole) :]
        if PROBE_TOOL.name in written and _writes_arguments(written) and "probe result" in answered:
            return replace(fitting, supports_tool_calls=True, call_text=written)
    return habits


def _writes_arguments(text: str) -> bool:
    """The argument stands there plainly: neither as Python's repr nor escaped a second time."""
    return "probe value" in text and "'probe_key'" not in text and '\\"probe_key' not in text


def _shared(one: str, other: str) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _tried(
    template: ChatTemplate,
    habits: Habits,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    prompt: bool = True,
) -> str:
    try:
        return template.render_as(habits, messages, tools, add_generation_prompt=prompt)
    except TemplateStopped:
        raise
    except InvalidRequest:
        return ""


def as_openai_messages(messages: Sequence[Message], habits: Habits) -> list[dict[str, Any]]:
    """The dicts that templates expect."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return [_as_openai(message, habits, names) for message in messages]


def _as_openai(message: Message, habits: Habits, names: Mapping[str, str]) -> dict[str, Any]:
    text = message.content or ""
    content: Any = [{"type": "text", "text": text}] if habits.content_parts else text
    if habits.null_content and message.tool_calls and not text:
        content = None
    result: dict[str, Any] = {"role": message.role, "content": content}
    if name := message.name or names.get(message.tool_call_id or ""):
        result["name"] = name
    if message.reasoning_content is not None:
        result["reasoning_content"] = message.reasoning_content
    if message.tool_calls:
        result["tool_calls"] = [_as_openai_call(call, habits) for call in message.tool_calls]
    if message.tool_call_id is not None:
        result["tool_call_id"] = _id(message.tool_call_id, habits)
    return result


def _as_openai_call(call: ToolCall, habits: Habits) -> dict[str, Any]:
    arguments: Any = call.arguments
    if not habits.arguments_text:
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            arguments = call.arguments
    return {
        "id": _id(call.id, habits),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _id(id: str, habits: Habits) -> str:
    if not habits.short_ids:
        return id
    return re.sub(r"[^A-Za-z0-9]", "", id)[-_SHORT_ID:].rjust(_SHORT_ID, "0")


def _as_openai_tool(tool: Tool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    parameters = json.loads(json.dumps(schema))  # a copy: templates can take things out of lists
    function = {"name": tool.name, "description": tool.description or "", "parameters": parameters}
    return {"type": "function", "function": function}


def _known_roles(messages: Sequence[Message], habits: Habits) -> Sequence[Message]:
    """Developer becomes system, and system becomes a part of the first user message, where the template wants it."""
    found = [
        replace_role(message, "system")
        if message.role == "developer" and not habits.supports_developer
        else message
        for message in messages
    ]
    return found if habits.supports_system else merge_system(found)


def replace_role(message: Message, role: str) -> Message:
    """The same words, said by somebody else."""
    return Message(role=role, content=message.content, name=message.name)


def merge_system(messages: Sequence[Message]) -> list[Message]:
    """Put what system messages say in front of the first user message."""
    orders = [message.content for message in messages if message.role == "system" and message.content]
    rest = [message for message in messages if message.role != "system"]
    at = next((at for at, message in enumerate(rest) if message.role == "user"), None)
    if not orders:
        return rest
    if at is None:
        return [Message(role="user", content="\n\n".join(orders)), *rest]
    rest[at] = Message(
        role="user", content="\n\n".join([*orders, rest[at].content or ""]), name=rest[at].name
    )
    return rest


def _joined(parts: Iterator[str]) -> str:
    found, size = [], 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size > _MOST_OUTPUT:
            raise LimitExceeded("it writes too much")
    return "".join(found)

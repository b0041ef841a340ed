"""For templates that know no tools: a system message describes them, and a call is the whole answer as JSON."""

import json
from collections.abc import Sequence

from corral.engines.llama.parser import Beginning, Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, JsonCall
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.llama.tools.instructions import with_instructions
from corral.engines.requests import Message, Tool, ToolCall

_SHAPE = CallShape(before='{"tool_call": {"name": "{name}", "arguments": ', after="}}", between="\n")


class Generic:
    """`{"tool_call": {"name": …, "arguments": {…}}}`, or plain text."""

    name = "generic"
    markers: tuple[str, ...] = ()

    def fits(self, template: ChatTemplate) -> bool:
        return True

    def reader(self, tools: Sequence[Tool]) -> Mode:
        names = frozenset(tool.name for tool in tools)

        def content() -> Mode:
            return Content({})

        def call(raw: str) -> Mode:
            return JsonCall(raw, then=after, otherwise=content, names=names)

        def after() -> Mode:
            return Gap(skipped=("```", ","), starts={"{": lambda: call("{")}, otherwise=content)

        return Beginning({"{": call, "```json\n{": call}, content)

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, _SHAPE, several=several, terminal=terminal)

    def instruct(
        self, template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[Sequence[Message], Sequence[Tool]]:
        """Tools become a system message, earlier calls what the model wrote, their results user messages."""
        names = {call.id: call.name for message in messages for call in message.tool_calls}
        plain = _joined_results(messages, names)
        if not tools:
            return plain, ()
        return with_instructions(plain, tools, _SHAPE), ()


def _joined_results(messages: Sequence[Message], names: dict[str, str]) -> list[Message]:
    """Plain messages; results, and what the user says after them, are one message: many templates want turns."""
    found: list[Message] = []
    after_result = False
    for message in messages:
        plain = _plain(message, names)
        if after_result and plain.role == "user":
            found[-1] = Message(role="user", content=f"{found[-1].content}\n\n{plain.content or ''}")
        else:
            found.append(plain)
        after_result = message.role == "tool" or (after_result and plain.role == "user")
    return found


def _plain(message: Message, names: dict[str, str]) -> Message:
    if message.role == "tool":
        name = message.name or names.get(message.tool_call_id or "", "the tool")
        return Message(role="user", content=f"Result of {name}:\n{message.content or ''}")
    if message.tool_calls:
        written = [message.content] if message.content else []
        written += [_written(call) for call in message.tool_calls]
        return Message(role="assistant", content="\n".join(written))
    return message


def _written(call: ToolCall) -> str:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = call.arguments
    return json.dumps({"tool_call": {"name": call.name, "arguments": arguments}}, ensure_ascii=False)

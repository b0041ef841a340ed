"""Words that describe tools to a model whose template doesn't."""

import json
from collections.abc import Sequence

from corral.engines.llama.tools.grammar import CallShape
from corral.engines.requests import Message, Tool


def with_instructions(messages: Sequence[Message], tools: Sequence[Tool], shape: CallShape) -> list[Message]:
    """The messages with one system message at the start that ends with the tools and how to call them."""
    said = [message.content for message in messages if message.role == "system" and message.content]
    rest = [message for message in messages if message.role != "system"]
    return [Message(role="system", content="\n\n".join([*said, _instructions(tools, shape)])), *rest]


def _instructions(tools: Sequence[Tool], shape: CallShape) -> str:
    lines = [json.dumps(_description(tool), ensure_ascii=False) for tool in tools]
    before = (shape.opening + shape.before).replace("{name}", tools[0].name)
    return (
        "You can call these tools:\n"
        + "\n".join(lines)
        + "\n\nTo call a tool, answer with nothing but this, with the arguments that its parameters ask for:\n"
        + before
        + "{ arguments }"
        + shape.after
        + shape.closing
        + "\nIf no tool is needed, answer in plain text."
    )


def _description(tool: Tool) -> dict[str, object]:
    return {"name": tool.name, "description": tool.description or "", "parameters": tool.parameters or {}}

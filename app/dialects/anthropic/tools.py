"""Anthropic's tools and tool_choice as OpenAI writes them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.engines.errors import InvalidRequest

_MODES = {"auto": "auto", "any": "required", "none": "none"}


def chat_tools(tools: Sequence[Mapping[str, Any]], choice: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a chat completion. Raises InvalidRequest, which names the tool."""
    fields: dict[str, Any] = {}
    if tools:
        fields["tools"] = [_function(tool, f"tools.{number}") for number, tool in enumerate(tools)]
    if choice is None:
        return fields
    kind, name = choice.get("type"), choice.get("name")
    if kind == "tool" and isinstance(name, str):
        fields["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in _MODES:
        fields["tool_choice"] = _MODES[kind]
    else:
        raise InvalidRequest(
            "`tool_choice` needs a `type`: auto, any, none, or tool with a `name`", param="tool_choice"
        )
    if choice.get("disable_parallel_tool_use") is True:
        fields["parallel_tool_calls"] = False
    return fields


def _function(tool: Mapping[str, Any], at: str) -> dict[str, Any]:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        raise InvalidRequest(
            f"`{at}.type`: {str(kind)[:100]!r} is a tool of Anthropic's own, which models here don't have; only tools with"
            " an `input_schema` are possible",
            param=f"{at}.type",
        )
    name, schema = tool.get("name"), tool.get("input_schema")
    if not isinstance(name, str):
        raise InvalidRequest(f"`{at}.name` must be a text", param=f"{at}.name")
    if not isinstance(schema, dict):
        raise InvalidRequest(f"`{at}.input_schema` must be a JSON schema", param=f"{at}.input_schema")
    function: dict[str, Any] = {"name": name, "parameters": schema}
    if isinstance(description := tool.get("description"), str):
        function["description"] = description
    if tool.get("strict") is True:
        function["strict"] = True
    return {"type": "function", "function": function}

"""Which tools the model may call in an answer, and whether their parameters make sense at all."""

from typing import Any

from corral.engines.errors import InvalidRequest
from corral.engines.requests import ChatRequest, Tool


def offered_tools(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools that the model may call. Raises InvalidRequest if they or the choice can't be followed."""
    choice = request.tool_choice
    _check(request.tools)
    if choice.mode == "none":
        return ()
    if choice.mode == "named":
        named = tuple(tool for tool in request.tools if tool.name == choice.name)
        if not named:
            raise InvalidRequest(
                f"tool_choice names {choice.name}, which is not among the tools", param="tool_choice"
            )
        return named
    if choice.mode == "required" and not request.tools:
        raise InvalidRequest("tool_choice is required, but there are no tools", param="tool_choice")
    return request.tools


def _check(tools: tuple[Tool, ...]) -> None:
    names = set()
    for tool in tools:
        if tool.name in names:
            raise InvalidRequest(f"two tools are called {tool.name}; give each its own name", param="tools")
        names.add(tool.name)
        if fault := _fault(tool.parameters or {}):
            raise InvalidRequest(f"the parameters of {tool.name} are no JSON schema: {fault}", param="tools")


def _fault(schema: dict[str, Any]) -> str:
    """What is wrong with the outermost level; empty if nothing is. The rest is checked where it must be enforced."""
    kind, properties, required = (schema.get(key) for key in ("type", "properties", "required"))
    if kind not in (None, "object") and not (isinstance(kind, list) and "object" in kind):
        return "type must be object"
    if properties is not None and not isinstance(properties, dict):
        return "properties must be an object"
    if any(not isinstance(value, dict | bool) for value in (properties or {}).values()):
        return "each of the properties must be a schema"
    if required is not None and not (
        isinstance(required, list) and all(isinstance(key, str) for key in required)
    ):
        return "required must be a list of names"
    return ""

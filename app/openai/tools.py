"""Tools and tool_choice of a chat request, current and deprecated fields."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.engines.errors import InvalidRequest
from corral.engines.requests import Tool, ToolChoice

MAX_TOOLS = 128
_OPEN = ConfigDict(extra="allow", strict=True)

FunctionName = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")
]  # OpenAI's have 64 at most, Anthropic's 128
Mode = Literal["none", "auto", "required"]


class FunctionDefinition(JsonShape):
    """A function that the model may call."""

    model_config = _OPEN

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def tool(self) -> Tool:
        return Tool(
            name=self.name,
            description=self.description,
            parameters=self.parameters,
            strict=bool(self.strict),
        )


class ToolDefinition(JsonShape):
    model_config = _OPEN
    type: Literal["function"]
    function: FunctionDefinition


class NamedFunction(JsonShape):
    model_config = _OPEN
    name: str


class NamedChoice(JsonShape):
    """Call exactly this function."""

    model_config = _OPEN
    type: Literal["function"]
    function: NamedFunction


class AllowedTools(JsonShape):
    model_config = _OPEN
    mode: Literal["auto", "required"] = "auto"
    tools: list[NamedChoice]


class AllowedChoice(JsonShape):
    """Choose among some of the tools."""

    model_config = _OPEN
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


Choice = Mode | Annotated[NamedChoice | AllowedChoice, Field(discriminator="type")]


def chosen(
    tools: Sequence[Tool], choice: Choice | None, *, field: str
) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools on offer and how to choose. Raises InvalidRequest, naming `field`."""
    if isinstance(choice, AllowedChoice):
        names = {each.function.name for each in choice.allowed_tools.tools}
        for name in sorted(names):
            _check_known(name, tools, field)
        return tuple(tool for tool in tools if tool.name in names), ToolChoice(mode=choice.allowed_tools.mode)
    if isinstance(choice, NamedChoice):
        _check_known(choice.function.name, tools, field)
        return tuple(tools), ToolChoice(mode="named", name=choice.function.name)
    if choice == "required" and not tools:
        raise InvalidRequest("a tool call is required, but there are no `tools`", param=field)
    return tuple(tools), ToolChoice(mode=choice or "auto")


def _check_known(name: str, tools: Sequence[Tool], field: str) -> None:
    if all(tool.name != name for tool in tools):
        raise InvalidRequest(f"there is no tool {name!r} among the `tools`", param=field)

"""The body of POST /v1/chat/completions, and the engine request it stands for."""

from typing import Annotated, Any, Literal

from msgspec import structs
from pydantic import Field

from corral.app.openai.chat_messages import ChatMessage, engine_messages
from corral.app.openai.generation import Count, GenerationFields
from corral.app.openai.tools import (
    MAX_TOOLS,
    Choice,
    FunctionDefinition,
    NamedChoice,
    NamedFunction,
    ToolDefinition,
    chosen,
)
from corral.app.openai.validation import Whole
from corral.engines.errors import InvalidRequest
from corral.engines.requests import ChatRequest, ContinuedChat, Tool, ToolChoice


class ChatCompletionRequest(GenerationFields):
    """Body of POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[Whole, Field(ge=0, le=20)] | None = None
    tools: Annotated[list[ToolDefinition], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[FunctionDefinition], Field(max_length=MAX_TOOLS)] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    continue_final_message: bool | None = None  # as vLLM has it: the last message is an answer that goes on

    @property
    def uses_functions(self) -> bool:
        """Whether the client speaks the deprecated form, and expects `function_call` in the answer."""
        return bool(self.functions) and not self.tools

    def engine_request(self) -> ChatRequest:
        """Raises InvalidRequest."""
        tools, choice = self.offered_tools()
        request = ChatRequest(
            messages=engine_messages(self.messages),
            generation=self.generation(
                max_tokens=self.max_completion_tokens or self.max_tokens,
                top_logprobs=self.wanted_logprobs(),
            ),
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=self.parallel_tool_calls is not False and not self.uses_functions,
            template_variables=self._template_variables(),
        )
        return _continued(request) if self.continue_final_message else request

    def wanted_logprobs(self) -> int | None:
        """How many alternatives per token; None: no logprobs at all. Raises InvalidRequest."""
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequest("`top_logprobs` needs `logprobs` to be true", param="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None

    def offered_tools(self) -> tuple[tuple[Tool, ...], ToolChoice]:
        """The functions that may be called, current and deprecated form. Raises InvalidRequest."""
        if not self.uses_functions:
            return chosen(
                [each.function.tool() for each in self.tools or ()], self.tool_choice, field="tool_choice"
            )
        call = self.function_call
        choice: Choice | None = (
            NamedChoice(type="function", function=call) if isinstance(call, NamedFunction) else call
        )
        return chosen([each.tool() for each in self.functions or ()], choice, field="function_call")

    def _template_variables(self) -> dict[str, Any]:
        """Templates call it by different names: the effort itself, or thinking on and off."""
        variables: dict[str, Any] = {}
        if self.reasoning_effort is not None:
            variables["reasoning_effort"] = self.reasoning_effort
            if self.reasoning_effort == "none":
                variables["enable_thinking"] = False
        return variables | (self.chat_template_kwargs or {})


def _continued(request: ChatRequest) -> ContinuedChat:
    """The last message as the beginning of the answer. Raises InvalidRequest."""
    *before, last = request.messages
    if last.role != "assistant" or not last.content or last.tool_calls or last.reasoning_content:
        raise InvalidRequest(
            "`continue_final_message` needs a last message of the assistant that has text and nothing else",
            param="continue_final_message",
        )
    fields = {**structs.asdict(request), "messages": tuple(before)}
    return ContinuedChat(**fields, answer_so_far=last.content)

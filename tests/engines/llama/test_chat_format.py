"""From a chat request to prompt, parser and grammar."""

import json
from typing import Any

import jsonschema
import pytest

from corral.engines.errors import InvalidRequest, UnsupportedSchema
from corral.engines.llama.chat_format import ChatFormat, PreparedChat
from corral.engines.llama.constraint import GrammarCompiler
from corral.engines.llama.parser import OutputParser, ReasoningText, Text, ToolCallArguments, ToolCallStart
from corral.engines.requests import (
    ChatRequest,
    ContinuedChat,
    Gbnf,
    Generation,
    JsonObject,
    JsonSchema,
    Message,
    OutputFormat,
    Tool,
    ToolChoice,
)
from tests.engines.llama import chat_templates as templates
from tests.engines.llama.drawing import CONTROL, accepts, draw, small_compiler
from tests.engines.llama.reading import TOOLS, Answer

FAMILIES = [
    templates.PLAIN,
    templates.HERMES,
    templates.LLAMA3,
    templates.MISTRAL,
    templates.MISTRAL_NAMED,
    templates.DEEPSEEK,
    templates.DEEPSEEK_PLAIN,
    templates.KIMI,
    templates.HARMONY,
    templates.ALWAYS_THINKS,
    templates.QWEN3,
    templates.QWEN_CODER,
    templates.GLM,
    templates.MINIMAX,
    templates.NEMOTRON,
    templates.COMMAND_R,
    templates.GIGACHAT,
]
AUTO = ToolChoice()
COMPILER = small_compiler()
USER = Message(role="user", content="Weather in Oslo?")
POINT: dict[str, Any] = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "boolean"}},
    "required": ["x", "y"],
    "additionalProperties": False,
}
NOTE = Tool(
    name="note",
    parameters={
        "type": "object",
        "properties": {"text": {"type": "string"}, "labels": {"type": "array", "items": {"type": "string"}}},
        "required": ["text"],
        "additionalProperties": False,
    },
)
SHARED = Tool(  # its schema refers to itself
    name="tree",
    parameters={
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}},
        "required": ["root"],
        "additionalProperties": False,
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "required": ["left"],
                "additionalProperties": False,
            }
        },
    },
)


def compiler() -> GrammarCompiler:
    return COMPILER


def made(source: str) -> ChatFormat:
    return ChatFormat(source, bos="<s>", eos="</s>", is_special=CONTROL.__contains__)


def prepare(
    source: str,
    *,
    tools: tuple[Tool, ...] = (),
    choice: ToolChoice = AUTO,
    parallel: bool = True,
    output: OutputFormat | None = None,
    variables: dict[str, Any] | None = None,
) -> PreparedChat:
    request = ChatRequest(
        messages=(USER,),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        generation=Generation(output_format=output),
        template_variables=variables or {},
    )
    return made(source).prepare(request, compiler)


def read(parser: OutputParser, text: str) -> Answer:
    answer = Answer()
    for piece in [*parser.feed(text), *parser.finish()]:
        match piece:
            case Text(new):
                answer.content += new
            case ReasoningText(new):
                answer.reasoning += new
            case ToolCallStart(_, _, name):
                answer.calls.append((name, ""))
            case ToolCallArguments(call, new):
                answer.calls[call] = (answer.calls[call][0], answer.calls[call][1] + new)
    return answer


def drawn(prepared: PreparedChat, seed: int) -> Answer:
    assert prepared.constraint is not None
    return read(prepared.parser_factory(), draw(prepared.constraint.clone(), seed))


def check_call(name: str, arguments: str, tools: tuple[Tool, ...]) -> None:
    tool = next(tool for tool in tools if tool.name == name)
    jsonschema.validate(json.loads(arguments), tool.parameters or {"type": "object", "maxProperties": 0})


@pytest.mark.parametrize("source", FAMILIES)
def test_required_calls_a_tool_with_valid_arguments(source: str) -> None:
    tools = (*TOOLS, SHARED, NOTE)
    prepared = prepare(source, tools=tools, choice=ToolChoice(mode="required"))
    for seed in range(8):
        answer = drawn(prepared, seed)
        assert answer.calls and answer.content == ""
        for name, arguments in answer.calls:
            check_call(name, arguments, tools)


@pytest.mark.parametrize("source", FAMILIES)
def test_named_calls_that_tool_once(source: str) -> None:
    prepared = prepare(source, tools=TOOLS, choice=ToolChoice(mode="named", name="get_time"))
    for seed in range(4):
        answer = drawn(prepared, seed)
        assert answer.calls == [("get_time", "{}")] or [call[0] for call in answer.calls] == ["get_time"]
        check_call(*answer.calls[0], TOOLS)


@pytest.mark.parametrize("source", FAMILIES)
def test_required_without_parallel_calls_one_tool(source: str) -> None:
    prepared = prepare(source, tools=TOOLS, choice=ToolChoice(mode="required"), parallel=False)
    assert {len(drawn(prepared, seed).calls) for seed in range(6)} == {1}


@pytest.mark.parametrize("source", FAMILIES)
@pytest.mark.parametrize(
    "output", [JsonSchema(schema=POINT), JsonObject(), Gbnf(grammar='root ::= "{" "}" | "[1]"')]
)
def test_an_output_format_applies_to_content_only(source: str, output: OutputFormat) -> None:
    prepared = prepare(source, output=output)
    for seed in range(4):
        answer = drawn(prepared, seed)
        value = json.loads(answer.content)
        if isinstance(output, JsonSchema):
            jsonschema.validate(value, POINT)
        assert answer.calls == []


@pytest.mark.parametrize("source", FAMILIES)
def test_tools_and_an_output_format_give_one_or_the_other(source: str) -> None:
    prepared = prepare(source, tools=TOOLS, output=JsonSchema(schema=POINT))
    answers = [drawn(prepared, seed) for seed in range(12)]
    for answer in answers:
        assert bool(answer.calls) != bool(answer.content)
        if answer.content:
            jsonschema.validate(json.loads(answer.content), POINT)
        for name, arguments in answer.calls:
            check_call(name, arguments, TOOLS)


def test_reasoning_that_the_prompt_opened_is_closed_first() -> None:
    prepared = prepare(templates.ALWAYS_THINKS, output=JsonSchema(schema=POINT))
    assert prepared.prompt.endswith("<think>\n")
    assert prepared.constraint is not None
    assert accepts(prepared.constraint.clone(), 'Well {…\n</think>\n\n{"x": 1, "y": true}')
    assert not accepts(prepared.constraint.clone(), '{"x": 1, "y": true}')
    parser = prepared.parser_factory()
    assert parser.in_reasoning
    assert read(parser, 'Well {…\n</think>\n\n{"x": 1}') == Answer('{"x": 1}', "Well {…")


def test_reasoning_is_optional_where_the_model_decides() -> None:
    prepared = prepare(templates.QWEN3, output=JsonSchema(schema=POINT))
    assert prepared.constraint is not None
    for text in ('<think>hm</think>\n{"x": 1, "y": true}', '{"x": 1, "y": true}'):
        assert accepts(prepared.constraint.clone(), text)
    assert read(prepared.parser_factory(), "<think>\nhm\n</think>\n\nHi") == Answer("Hi", "hm")
    assert read(prepared.parser_factory(), "Hi <think>") == Answer("Hi <think>")


def test_template_variables_reach_the_template() -> None:
    prepared = prepare(templates.QWEN3, output=JsonSchema(schema=POINT), variables={"enable_thinking": False})
    assert prepared.prompt.endswith("<think>\n\n</think>\n\n")
    assert prepared.constraint is not None
    assert not accepts(prepared.constraint.clone(), '<think>hm</think>\n{"x": 1, "y": true}')


def test_messages_can_not_be_replaced_by_variables() -> None:
    assert (
        "Oslo" in prepare(templates.PLAIN, variables={"messages": [], "add_generation_prompt": False}).prompt
    )


def test_no_grammar_and_no_vocabulary_index_without_need() -> None:
    def never() -> GrammarCompiler:
        raise AssertionError("the vocabulary was indexed")

    request = ChatRequest(messages=(USER,), tools=TOOLS)
    assert made(templates.HERMES).prepare(request, never).constraint is None


def test_tools_that_may_not_be_called_are_not_shown() -> None:
    prepared = prepare(templates.HERMES, tools=TOOLS, choice=ToolChoice(mode="none"))
    assert "get_weather" not in prepared.prompt
    text = '<tool_call>{"name": "get_time"}</tool_call>'
    assert read(prepared.parser_factory(), text) == Answer(text)


@pytest.mark.parametrize(
    ("request_part", "message"),
    [
        ({"tool_choice": ToolChoice(mode="required")}, "no tools"),
        ({"tools": (*TOOLS, TOOLS[0])}, "two tools are called get_weather"),
        ({"tools": (Tool(name="f", parameters={"type": "string"}),)}, "type must be object"),
        ({"tools": (Tool(name="f", parameters={"properties": [1]}),)}, "properties must be an object"),
        ({"tools": (Tool(name="f", parameters={"properties": {"a": 5}}),)}, "must be a schema"),
        ({"tools": (Tool(name="f", parameters={"required": "a"}),)}, "required must be a list"),
        ({"tool_choice": ToolChoice(mode="named", name="nope"), "tools": TOOLS}, "nope"),
        ({"generation": Generation(output_format=Gbnf(grammar='root ::= "a"')), "tools": TOOLS}, "combined"),
    ],
)
def test_what_can_not_be_followed_is_refused(request_part: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        made(templates.HERMES).prepare(ChatRequest(messages=(USER,), **request_part), compiler)


def test_a_tool_schema_that_can_not_be_enforced_is_named() -> None:
    tool = Tool(
        name="f", parameters={"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    )
    with pytest.raises(UnsupportedSchema, match="uniqueItems") as caught:
        prepare(templates.HERMES, tools=(tool,), choice=ToolChoice(mode="required"))
    assert caught.value.param == "tools"
    assert prepare(templates.HERMES, tools=(tool,)).constraint is None


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"a": {"type": "string", "pattern": "^a"}}, "pattern of a"),
        ({"a": {"type": "string", "enum": [1]}}, "no value is allowed for a"),
        ({'"a"': {"type": "string"}}, "can't be made to name"),
    ],
)
def test_what_tags_can_not_say_is_refused(properties: dict[str, Any], message: str) -> None:
    tool = Tool(name="f", parameters={"type": "object", "properties": properties})
    with pytest.raises(UnsupportedSchema, match=message):
        prepare(templates.QWEN_CODER, tools=(tool,), choice=ToolChoice(mode="required"))
    assert prepare(templates.QWEN_CODER, tools=(tool,)).constraint is None


def test_why_a_tool_schema_fails_is_said_without_the_grammar() -> None:
    tool = Tool(name="f", parameters={"properties": {"a": {"type": "array", "minItems": "x"}}})
    with pytest.raises(UnsupportedSchema) as caught:
        prepare(templates.HERMES, tools=(tool,), choice=ToolChoice(mode="required"))
    assert "minItems" in caught.value.message and "x-guidance" not in caught.value.message


def test_control_tokens_that_the_parser_needs_are_preserved() -> None:
    assert prepare(templates.MISTRAL_NAMED, tools=TOOLS).preserved_special == {"[TOOL_CALLS]", "[ARGS]"}
    assert prepare(templates.MISTRAL_NAMED).preserved_special == frozenset()
    assert "<|channel|>" in prepare(templates.HARMONY).preserved_special


def test_what_a_format_tells_about_itself() -> None:
    facts = {source: (made(source).tool_format_name, made(source).supports_reasoning) for source in FAMILIES}
    assert facts[templates.PLAIN] == ("generic", False)
    assert facts[templates.QWEN3] == ("hermes", True)
    assert facts[templates.HARMONY] == ("harmony", True)


def test_a_template_that_does_not_work_refuses_every_request() -> None:
    broken = made("{% if %}")
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="line 1"):
            broken.prepare(ChatRequest(messages=(USER,)), compiler)


def continued(source: str, said: str, **fields: Any) -> PreparedChat:
    request = ContinuedChat(messages=(USER,), answer_so_far=said, **fields)
    return made(source).prepare(request, lambda: COMPILER)


@pytest.mark.parametrize("source", [templates.PLAIN, templates.HERMES, templates.LLAMA3, templates.QWEN3])
def test_an_answer_goes_on_where_it_stopped(source: str) -> None:
    fresh = made(source).prepare(ChatRequest(messages=(USER,)), lambda: COMPILER)
    prepared = continued(source, " It rains", tools=TOOLS)
    assert continued(source, " It rains").prompt == fresh.prompt
    assert (prepared.answer_so_far, fresh.answer_so_far) == (" It rains", "")
    parser = prepared.parser_factory()
    assert [*parser.feed(" <think>"), *parser.feed(" today."), *parser.finish()] == [
        Text(" <think>"),
        Text(" today."),
    ]


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (templates.HARMONY, {}),
        (templates.ALWAYS_THINKS, {}),
        (templates.PLAIN, {"generation": Generation(output_format=JsonObject())}),
        (templates.HERMES, {"tools": TOOLS, "tool_choice": ToolChoice(mode="required")}),
    ],
)
def test_answers_that_can_not_go_on(source: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="can't be continued"):
        continued(source, "It rains", **fields)

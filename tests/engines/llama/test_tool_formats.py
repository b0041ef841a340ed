# ruff: noqa: RUF001 - DeepSeek writes its control tokens with full-width bars
"""Each family's calls are read as the model writes them, whole or in pieces, and what isn't a call is never lost."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.choice import choose_format
from corral.engines.requests import Message, ToolCall
from tests.engines.llama import chat_templates as templates
from tests.engines.llama.reading import TOOLS, Answer, cut, read

OSLO = '{"city": "Oslo"}'
FAMILIES = {
    "generic": templates.PLAIN,
    "hermes": templates.HERMES,
    "llama3": templates.LLAMA3,
    "mistral": templates.MISTRAL,
    "mistral-named": templates.MISTRAL_NAMED,
    "deepseek-r1": templates.DEEPSEEK,
    "deepseek": templates.DEEPSEEK_PLAIN,
    "kimi": templates.KIMI,
    "harmony": templates.HARMONY,
    "qwen-coder": templates.QWEN_CODER,
    "glm": templates.GLM,
    "minimax": templates.MINIMAX,
    "nemotron": templates.NEMOTRON,
    "command-r": templates.COMMAND_R,
    "gigachat": templates.GIGACHAT,
}
FORMATS = {name: choose_format(ChatTemplate(source, "<s>", "</s>")) for name, source in FAMILIES.items()}

ONE = [("get_weather", OSLO)]
TWO = [("get_weather", OSLO), ("get_time", "{}")]
CALLS: list[tuple[str, str, Answer]] = [
    ("hermes", "Hello {there} <b>", Answer("Hello {there} <b>")),
    (
        "hermes",
        f'<tool_call>\n{{"name": "get_weather", "arguments": {OSLO}}}\n</tool_call>',
        Answer(calls=ONE),
    ),
    (
        "hermes",
        (
            f'Let me look.\n\n<tool_call>{{"name": "get_weather", "arguments": {OSLO}}}</tool_call>\n<tool_call>\n'
            '{"name": "get_time"}\n</tool_call>'
        ),
        Answer("Let me look.", calls=TWO),
    ),
    (
        "hermes",
        f'<tool_call>{{"arguments": {OSLO}, "name": "get_weather"}}</tool_call> done',
        Answer("done", calls=ONE),
    ),
    ("hermes", '<tool_call>{"name": "get_time", "arguments": "{}"}</tool_call>', Answer(calls=TWO[1:])),
    ("hermes", '<tool_call>{"name": "get_time", "arguments": null}', Answer(calls=TWO[1:])),
    (
        "hermes",
        f'<tool_call>{{"function": {{"name": "get_weather", "arguments": {OSLO}}}}}',
        Answer(calls=ONE),
    ),
    (
        "hermes",
        '<tool_call>{"name": "get_weather", "arguments": {"city": "a\nb"}}</tool_call>',
        Answer(calls=[("get_weather", '{"city": "a\\nb"}')]),
    ),
    ("hermes", "text <tool_call>{broken} more", Answer("text <tool_call>{broken} more")),
    ("hermes", "<tool_call>no JSON</tool_call>", Answer("<tool_call>no JSON</tool_call>")),
    ("hermes", '<tool_call>{"name": "get', Answer('<tool_call>{"name": "get')),
    ("hermes", "<tool_call>{}", Answer("<tool_call>{}")),
    ("hermes", "a < b and <tool", Answer("a < b and <tool")),
    (
        "hermes",
        '<tool_call>{"name": "f", "arguments": {"a": tru!}}</tool_call>',
        Answer("!}}</tool_call>", calls=[("f", '{"a": tru')]),
    ),
    ("llama3", f'{{"name": "get_weather", "parameters": {OSLO}}}', Answer(calls=ONE)),
    ("llama3", f'<|python_tag|>{{"name": "get_weather", "parameters": {OSLO}}}', Answer(calls=ONE)),
    (
        "llama3",
        f'{{"name": "get_weather", "parameters": {OSLO}}}; {{"name": "get_time", "parameters": {{}}}}',
        Answer(calls=TWO),
    ),
    ("llama3", '{"name": "Peter", "parameters": {}}', Answer('{"name": "Peter", "parameters": {}}')),
    ("llama3", '\n{"answer": 42}', Answer('\n{"answer": 42}')),
    ("llama3", "Just words {", Answer("Just words {")),
    (
        "mistral",
        f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {OSLO}, "id": "abcdefghi"}}]',
        Answer(calls=ONE),
    ),
    (
        "mistral",
        f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {OSLO}}}, {{"name": "get_time", "arguments": {{}}}}]',
        Answer(calls=TWO),
    ),
    ("mistral", "[TOOL_CALLS] what?", Answer("[TOOL_CALLS]what?")),
    ("mistral-named", f"[TOOL_CALLS]get_weather[ARGS]{OSLO}", Answer(calls=ONE)),
    ("mistral-named", f"Hm.[TOOL_CALLS]get_weather[CALL_ID]abc123def[ARGS]{OSLO}", Answer("Hm.", calls=ONE)),
    ("mistral-named", f"[TOOL_CALLS]get_weather[ARGS]{OSLO}[TOOL_CALLS]get_time{{}}", Answer(calls=TWO)),
    (
        "deepseek-r1",
        (
            f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{OSLO}\n```<｜tool▁call▁end｜>\n"
            "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        Answer(calls=TWO),
    ),
    (
        "deepseek",
        f"Sure.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{OSLO}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        Answer("Sure.", calls=ONE),
    ),
    (
        "kimi",
        (
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
            f"{OSLO}<|tool_call_end|><|tool_calls_section_end|>"
        ),
        Answer(calls=ONE),
    ),
    ("kimi", "<|tool_calls_section_begin|>oops", Answer("oops")),
    ("harmony", "<|channel|>final<|message|>Hello", Answer("Hello")),
    (
        "harmony",
        "<|channel|>analysis<|message|>Hm, Oslo.<|end|><|start|>assistant<|channel|>final<|message|>Hi<|return|>",
        Answer("Hi", "Hm, Oslo."),
    ),
    (
        "harmony",
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
            f"<|constrain|>json<|message|>{OSLO}<|call|>"
        ),
        Answer("", "Hm.", ONE),
    ),
    (
        "harmony",
        f"<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{OSLO}",
        Answer(calls=ONE),
    ),
    ("harmony", "No channels at all", Answer("No channels at all")),
    (
        "qwen-coder",
        (
            "I look.\n<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n"
            "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
        ),
        Answer("I look.", calls=[("get_weather", '{"city": "Oslo", "days": 3}')]),
    ),
    (
        "qwen-coder",
        (
            '<tool_call><function=get_weather><parameter=city>\n\na "b"\n</param\n\n</parameter></function>'
            "<function=get_time></function></tool_call>end"
        ),
        Answer("end", calls=[("get_weather", '{"city": "\\na \\"b\\"\\n</param\\n"}'), ("get_time", "{}")]),
    ),
    ("qwen-coder", "<tool_call>what?", Answer("<tool_call>what?")),
    ("qwen-coder", "<tool_call><function=f>oh", Answer("oh", calls=[("f", "{}")])),
    (
        "glm",
        (
            "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
            "<tool_call>get_time</tool_call>"
        ),
        Answer(calls=TWO),
    ),
    (
        "minimax",
        (
            '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n</invoke>\n'
            '<invoke name="get_time">\n</invoke>\n</minimax:tool_call>'
        ),
        Answer(calls=TWO),
    ),
    (
        "nemotron",
        f'I look.\n<TOOLCALL>[{{"name": "get_weather", "arguments": {OSLO}}}, {{"name": "get_time"}}]</TOOLCALL> ok',
        Answer("I look.ok", calls=TWO),
    ),
    ("nemotron", f'<TOOLCALL>{{"name": "get_weather", "arguments": {OSLO}}}</TOOLCALL>', Answer(calls=ONE)),
    ("nemotron", "<TOOLCALL>[none]</TOOLCALL>", Answer("<TOOLCALL>[none]</TOOLCALL>")),
    (
        "command-r",
        (
            '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_weather", "parameters": '
            f'{OSLO}}},\n    {{"tool_call_id": "1", "tool_name": "get_time", "parameters": {{}}}}\n]<|END_ACTION|>'
        ),
        Answer(calls=TWO),
    ),
    (
        "gigachat",
        f'Hm<|function_call|>{{"name": "get_weather", "arguments": {OSLO}}}',
        Answer("Hm", calls=ONE),
    ),
    ("generic", f'{{"tool_call": {{"name": "get_weather", "arguments": {OSLO}}}}}', Answer(calls=ONE)),
    (
        "generic",
        f'```json\n{{"tool_call": {{"name": "get_weather", "arguments": {OSLO}}}}}\n```',
        Answer(calls=ONE),
    ),
    ("generic", f'{{"name": "get_weather", "arguments": {OSLO}}}', Answer(calls=ONE)),
    ("generic", '{"tool_call": {"name": "other"}}', Answer('{"tool_call": {"name": "other"}}')),
    ("generic", '{"a": [1, 2]}', Answer('{"a": [1, 2]}')),
]


@pytest.mark.parametrize(("family", "text", "expected"), CALLS)
def test_answers_are_read(family: str, text: str, expected: Answer) -> None:
    assert read(FORMATS[family].reader(TOOLS), [text]) == expected


@pytest.mark.parametrize(("family", "text", "expected"), CALLS)
def test_answers_are_read_letter_by_letter(family: str, text: str, expected: Answer) -> None:
    assert read(FORMATS[family].reader(TOOLS), text) == expected


@settings(deadline=None)
@given(st.sampled_from(CALLS), st.lists(st.integers(1, 300), max_size=12))
def test_any_cut_gives_the_same(case: tuple[str, str, Answer], at: list[int]) -> None:
    family, text, expected = case
    assert read(FORMATS[family].reader(TOOLS), cut(text, at)) == expected


FRAGMENTS = st.sampled_from(
    [
        *(marker for format in FORMATS.values() for marker in format.markers),
        *(
            '{"name": "get_weather", "arguments": ',
            OSLO,
            '{"name": ',
            '"get_time"',
            "{",
            "}",
            "[",
            "]",
            ",",
            '"',
            "\\",
        ),
        *(
            "\n",
            "  ",
            "word",
            "é",
            "get_weather",
            "```json\n",
            '{"tool_call": ',
            "function",
            "<",
            "<|",
            "analysis",
        ),
    ]
)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(FRAGMENTS, max_size=14).map("".join),
    st.lists(st.integers(1, 300)),
)
def test_no_text_breaks_a_reader_and_cuts_never_matter(family: str, text: str, at: list[int]) -> None:
    whole = read(FORMATS[family].reader(TOOLS), [text])
    assert read(FORMATS[family].reader(TOOLS), cut(text, at)) == whole
    assert read(FORMATS[family].reader(TOOLS), text) == whole


def test_one_call_at_most_if_calls_may_not_be_parallel() -> None:
    text = '<tool_call>{"name": "get_time"}</tool_call>' * 2 + "more"
    assert read(FORMATS["hermes"].reader(TOOLS), [text], most_calls=1) == Answer(calls=[("get_time", "{}")])


def test_arguments_are_streamed() -> None:
    before = '<tool_call>{"name": "get_weather", "arguments": {"city": "Os'
    answer = read(FORMATS["hermes"].reader(TOOLS), before)
    assert answer == Answer(calls=[("get_weather", '{"city": "Os')])


@pytest.mark.parametrize("name", FORMATS)
def test_the_template_tells_the_family(name: str) -> None:
    assert FORMATS[name].name == name


def test_templates_without_tools_get_a_description() -> None:
    template = ChatTemplate(templates.PLAIN, "", "")
    messages = (
        Message(role="system", content="Be kind."),
        Message(role="user", content="Weather?"),
        Message(role="assistant", tool_calls=(ToolCall(id="1", name="get_weather", arguments=OSLO),)),
        Message(role="tool", content="sunny", tool_call_id="1"),
        Message(role="tool", content="noon", name="get_time"),
        Message(role="user", content="And?"),
    )
    shown, tools = FORMATS["generic"].instruct(template, messages, TOOLS)
    assert tools == ()
    assert [message.role for message in shown] == ["system", "user", "assistant", "user"]
    assert "Be kind." in (shown[0].content or "") and "get_weather" in (shown[0].content or "")
    assert json.loads(shown[2].content or "") == {
        "tool_call": {"name": "get_weather", "arguments": json.loads(OSLO)}
    }
    assert shown[3].content == "Result of get_weather:\nsunny\n\nResult of get_time:\nnoon\n\nAnd?"

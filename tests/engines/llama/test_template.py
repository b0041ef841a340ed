"""Chat templates are rendered as their models were trained, and can do no harm."""

from datetime import datetime
from typing import Any

import pytest

from corral.engines.errors import InvalidRequest
from corral.engines.llama.template import ChatTemplate
from corral.engines.requests import Message, Tool, ToolCall
from tests.engines.llama import chat_templates as templates

USER = Message(role="user", content="Hi")
SYSTEM = Message(role="system", content="Be kind.")
CALL = ToolCall(id="call_0123456789", name="look", arguments='{"at": "é <b>"}')
TOOL = Tool(name="look", parameters={"type": "object", "properties": {"at": {"type": "string"}}})
MINUTE = datetime(2026, 3, 4, 5, 6)


def render(source: str, *messages: Message, tools: tuple[Tool, ...] = (), **variables: Any) -> str:
    template = ChatTemplate(source, "<s>", "</s>", seconds=0.3, now=lambda: MINUTE)
    return template.render(messages or (USER,), tools, variables=variables)


@pytest.mark.parametrize(
    ("source", "messages", "expected"),
    [
        (
            templates.PLAIN,
            (SYSTEM, USER),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n",
        ),
        (templates.PLAIN, (Message(role="developer", content="D"), USER), "<|im_start|>system\nD<|im_end|>"),
        (
            templates.HARMONY,
            (Message(role="developer", content="D"), USER),
            "<|start|>developer<|message|>D<|end|>",
        ),
        (templates.STRICT_TURNS, (SYSTEM, USER), "<s><start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n"),
        (templates.STRICT_TURNS, (SYSTEM,), "<s><start_of_turn>user\nBe kind.<end_of_turn>\n"),
        (
            templates.HERMES,
            (USER, Message(role="assistant", tool_calls=(CALL,))),
            '"arguments": {"at": "é <b>"}}\n',
        ),
        (
            templates.DEEPSEEK,
            (USER, Message(role="assistant", tool_calls=(CALL,))),
            '```json\n{"at": "é <b>"}\n```',
        ),
        (
            templates.DEEPSEEK_NULL,
            (USER, Message(role="assistant", tool_calls=(CALL,))),
            '```json\n{"at": "é <b>"}\n```',
        ),
        (templates.MISTRAL, (USER, Message(role="assistant", tool_calls=(CALL,))), '"id": "123456789"}]</s>'),
        ("{{ bos_token }}{{ eos_token }}{{ messages[0].content }}", (USER,), "<s></s>Hi"),
        ("{{ messages[0].content }}{{ strftime_now('%Y-%m-%d') }}", (USER,), "Hi2026-03-04"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", (USER,), "Hi"),
        (
            "{% for m in messages %}{% if m.content == 'x' %}{% continue %}{% endif %}{{ m.content }}{% endfor %}",
            (USER,),
            "Hi",
        ),
        ("{% for part in messages[0]['content'] %}{{ part['text'] }}{% endfor %}", (USER,), "Hi"),
        (
            "{{ messages[0].content }}{{ {'b': [1, 'é<'], 'a': none} | tojson }}",
            (USER,),
            'Hi{"b": [1, "é<"], "a": null}',
        ),
        ("{{ messages[0].content }}{{ [1] | tojson(indent=2) }}", (USER,), "Hi[\n  1\n]"),
        ("{{ messages[0].content }}{{ 'é' | tojson(ensure_ascii=True) }}", (USER,), 'Hi"\\u00e9"'),
        (
            "{% for m in messages %}{{ m.content }}{% for t in tools %}x{% endfor %}{% endfor %}",
            (USER,),
            "Hi",
        ),
        (
            "{% for m in messages %}{{ m.role }}:{{ m.name }} {% endfor %}",
            (USER, Message(role="assistant", tool_calls=(CALL,)), Message(role="tool", tool_call_id=CALL.id)),
            "tool:look",
        ),
    ],
)
def test_messages_become_prompts(source: str, messages: tuple[Message, ...], expected: str) -> None:
    assert expected in render(source, *messages)


def test_tools_and_variables_reach_the_template() -> None:
    text = render("{{ messages[0].content }}{{ tools | tojson }}{{ mood }}", tools=(TOOL,), mood="merry")
    assert '"function": {"name": "look", "description": ""' in text
    assert text.endswith("merry")


@pytest.mark.parametrize(
    ("source", "system", "developer", "tools", "calls"),
    [
        (templates.PLAIN, True, False, False, False),
        (templates.HERMES, True, False, True, True),
        (templates.LLAMA3, True, False, True, True),
        (templates.MISTRAL, False, False, True, True),
        (templates.DEEPSEEK, True, False, False, True),
        (templates.HARMONY, True, True, True, True),
        (templates.STRICT_TURNS, False, False, False, False),
    ],
)
def test_capabilities_are_found_by_trying(
    source: str, system: bool, developer: bool, tools: bool, calls: bool
) -> None:
    habits = ChatTemplate(source, "", "").habits
    found = (
        habits.supports_system,
        habits.supports_developer,
        habits.supports_tools,
        habits.supports_tool_calls,
    )
    assert found == (system, developer, tools, calls)


def test_what_a_template_refuses_is_passed_on() -> None:
    with pytest.raises(InvalidRequest, match="roles must alternate user/assistant") as caught:
        render(templates.STRICT_TURNS, USER, USER)
    assert caught.value.param == "messages"


def doubled(start: str, step: str, use: str) -> str:
    """A template that makes two trees of 2^60 leaves out of 60 small parts, and uses them."""
    return (
        f"{{% set ns = namespace(a={start}, b={start}) %}}"
        f"{{% for i in range(60) %}}{step.replace('X', 'ns.a')}{step.replace('X', 'ns.b')}{{% endfor %}}{use}"
    )


LISTS = "{% set X = [X, X] %}"
TUPLES = "{% set X = (X, X) %}"
BIG = "{% set big = 'a' * 1000000 %}"
DOUBLED = "{% set ns = namespace(s=START) %}{% for i in range(60) %}{% set ns.s = NEXT %}{% endfor %}{{ ns.s | length }}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n - 1) if n }}{{ f(n - 1) if n }}{% endmacro %}{{ f(100) }}",
        "{% for x in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 1000000000 }}",
        DOUBLED.replace("START", "2").replace("NEXT", "ns.s * ns.s"),
        DOUBLED.replace("START", "'aaaaaaaa'").replace("NEXT", "ns.s ~ ns.s"),
        DOUBLED.replace("START", "'aaaaaaaa'").replace("NEXT", "ns.s + ns.s"),
        DOUBLED.replace("START", "[1, 2, 3]").replace("NEXT", "ns.s + ns.s"),
        DOUBLED.replace("START", "{}")
        .replace("NEXT", "{'a': ns.s, 'b': ns.s}")
        .replace("| length", "| tojson"),
        DOUBLED.replace("START", "{}").replace("NEXT", "{'a': ns.s, 'b': ns.s}").replace(" | length", ""),
        BIG + "{{ big | replace('a', big) }}",
        BIG + "{{ big.replace('a', big) }}",
        BIG + "{{ ([big] * 100000) | join }}",
        BIG + "{{ ''.join([big] * 100000) }}",
        BIG + "{{ [big] * 100000 }}",
        BIG + "{{ 'x' ~ ([big] * 100000) }}",
        BIG + "{% set s %}{% for i in range(99999) %}{{ big }}{% endfor %}{% endset %}{{ s | length }}",
        BIG + "{% for i in range(99999) %}{{ big }}{% endfor %}",
        BIG + "{% for i in range(99999) %}{% set x = big[1:] %}{% endfor %}",
        doubled("[1]", LISTS, "{{ ns.a == ns.b }}"),
        doubled("[1]", LISTS, "{{ ns.a is eq(ns.b) }}"),
        doubled("[1]", LISTS, "{{ [ns.a] | select('eq', ns.b) | list }}"),
        doubled("[1]", LISTS, "{{ [ns.a].index(ns.b) }}"),
        doubled("[1]", LISTS, "{{ [ns.a, ns.b] | sort }}"),
        doubled("[1]", LISTS, "{{ ns.a | upper }}"),
        doubled("[1]", LISTS, "{{ '{}'.format(ns.a) }}"),
        doubled("[1]", LISTS, "{{ raise_exception(ns.a) }}"),
        doubled("(1, 2)", TUPLES, "{% set x = {ns.a: 1} %}"),
        doubled("(1, 2)", TUPLES, "{{ messages[0][ns.a] }}"),
        doubled("(1, 2)", TUPLES, "{{ [ns.a, ns.b] | unique | list }}"),
        doubled("[1]", "{% set X = dict(a=X, b=X) %}", "{{ ns.a == ns.b }}"),
        doubled("[1]", "{% set X = [X] * 2 %}", "{{ ns.a == ns.b }}"),
        doubled("[1]", "{% set X = [X] + [X] %}", "{{ ns.a == ns.b }}"),
        doubled(
            "[1]", "{% set l = [] %}{{ l.append(X) }}{{ l.append(X) }}{% set X = l %}", "{{ ns.a == ns.b }}"
        ),
        (
            "{% set ns = namespace(a=[1], b=[1]) %}{% macro a() %}{% set ns.a = varargs %}{% endmacro %}"
            "{% macro b() %}{% set ns.b = varargs %}{% endmacro %}"
            "{% for i in range(60) %}{{ a(ns.a, ns.a) }}{{ b(ns.b, ns.b) }}{% endfor %}{{ ns.a == ns.b }}"
        ),
        BIG + "{{ big.join('a' * 100000) }}",
        BIG + "{{ big.join(range(99999) | map('string')) }}",
        BIG + "{% for i in range(99999) if big ~ 'a' == big ~ 'b' %}{% endfor %}",
        BIG + "{{ (big ~ big) | int(0, 16) }}",
        "{{ 10 | round(-1000000000) }}",
        "{{ [1] | tojson(indent=900, separators=('a' * 9999, 'b')) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:{w}}'.format(1, w=1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a'.zfill(1000000000) }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ ('a\\n' * 1000000) | indent(1000) }}",
        "{{ range(1000000000) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.__class__.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ ''.__class__['__base__'].__subclasses__() }}",
        "{{ messages.clear() }}",
        "{% include '/etc/passwd' %}",
        "{% set l = [] %}{{ l.append(l) }}{{ l | tojson }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{% if a %}" * 3000 + "{% endif %}" * 3000,
        "{% for a in b %}" * 30 + "{% endfor %}" * 30,
        "{{ x" + " | trim" * 5000 + " }}",
        "{{ undefined_thing.field }}",
        "{{ unfinished",
        "x" * (512 * 1024 + 1),
    ],
)
def test_hostile_templates_are_refused(source: str) -> None:
    with pytest.raises(InvalidRequest):
        render(source)


@pytest.mark.parametrize(
    "source",
    ["{{ ''['__class__'] }}", "{{ '{0.__class__}'.format(1) }}", "{{ raise_exception.__globals__ }}"],
)
def test_escapes_lead_nowhere(source: str) -> None:
    assert render(source) == ""


def test_a_long_chat_is_rendered() -> None:
    words = Message(role="user", content="word " * 2000)
    turns = [words, Message(role="assistant", content="answer " * 1000)] * 200
    assert len(render(templates.HERMES, *turns)) > 3_000_000


def test_what_a_template_takes_away_is_there_the_next_time() -> None:
    source = (
        "{{ messages[0].content }}{% if tools %}{{ tools[0].function.parameters.required.pop() }}{% endif %}"
    )
    tool = Tool(name="look", parameters={"type": "object", "required": ["at"]})
    template = ChatTemplate(source, "", "")
    assert [template.render((USER,), (tool,)) for _ in range(2)] == ["Hiat", "Hiat"]


def test_a_list_of_a_namespace_can_be_a_queue() -> None:
    source = (
        "{% set queue = namespace(ids=[]) %}{% for m in messages %}{{ m.content }}{% set _ = queue.ids.append(m.role) %}"
        "{% endfor %}{% for m in messages %}{{ queue.ids.pop(0) }}{% endfor %}"
    )
    assert render(source, USER, Message(role="assistant", content="Yo")) == "HiYouserassistant"

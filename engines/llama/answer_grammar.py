"""The grammar of a whole answer: reasoning first where the model thinks, then calls, structured content, or either."""

from collections.abc import Callable

from corral.engines.llama.constraint import Constraint, GrammarCompiler, gbnf_as_lark
from corral.engines.llama.reasoning import CONTROL, ReasoningMarks
from corral.engines.llama.tools.grammar import json_value, quoted, sequence
from corral.engines.requests import Gbnf, JsonObject, JsonSchema, OutputFormat

_ANY_TEXT = "/(?s:.*)/"
_BLANK = "BLANK: /[ \\n]{0,4}/"


def compile_answer(
    compiler: GrammarCompiler,
    *,
    calls: str | None,
    output: OutputFormat | None,
    thinking: ReasoningMarks | None,
    must_close: bool = False,
    lead: str = "",
) -> Constraint:
    """The constraint of an answer. Raises UnsupportedSchema.

    calls: Lark rules with a rule `calls`. thinking: the marks of reasoning that may come first; `must_close`: the prompt
    has opened it already. lead: what a family writes before content.
    """
    if calls is None and thinking is None and not lead:
        return _plain(compiler, output)
    parts: dict[str, str] = {}
    rules = [calls] if calls else []
    choices = ["calls"] if calls else []
    if output is not None:
        choices.append(f"{marker_sequence(lead, compiler.terminal)} answer")
        rules.append(f"answer: {_answer(compiler, output, parts)}")
    start = f"({' | '.join(choices)})"
    if thinking is not None:
        start = f"{_opening(thinking, compiler.terminal, opened=must_close)} {start}"
        rules += [_thought(thinking, compiler.terminal), _BLANK]
    param = "tools" if output is None else "response_format"
    return compiler.lark("\n".join([f"start: {start}", *rules]), parts=parts, param=param)


def marker_sequence(text: str, terminal: Callable[[str], str]) -> str:
    """Text with markers as Lark terminals; what looks like a control token is looked up."""
    return sequence(text, tuple(CONTROL.findall(text)), terminal)


def _plain(compiler: GrammarCompiler, output: OutputFormat | None) -> Constraint:
    if isinstance(output, Gbnf):
        return compiler.gbnf(output.grammar)
    if isinstance(output, JsonSchema):
        return compiler.json_schema(output.schema)
    return compiler.json_object()


def _answer(compiler: GrammarCompiler, output: OutputFormat, parts: dict[str, str]) -> str:
    if isinstance(output, Gbnf):
        parts["answer"] = gbnf_as_lark(output.grammar)
        return "@answer"
    schema = {"type": "object"} if isinstance(output, JsonObject) else output.schema
    compiler.json_schema(schema)  # refuses what it can't enforce
    return f"%json {json_value(schema)}"


def _opening(marks: ReasoningMarks, terminal: Callable[[str], str], *, opened: bool) -> str:
    if opened:
        return "thought BLANK"
    return f"({marker_sequence(marks.open, terminal)} thought BLANK)?"


def _thought(marks: ReasoningMarks, terminal: Callable[[str], str]) -> str:
    """Any text up to the closing mark: control tokens can't be in it, plain text is cut at its first appearance."""
    close = marker_sequence(marks.close, terminal)
    if close.startswith("<["):
        return f"thought: THOUGHT {close}\nTHOUGHT: {_ANY_TEXT}"
    return f"thought[suffix={quoted(marks.close)}]: {_ANY_TEXT}"

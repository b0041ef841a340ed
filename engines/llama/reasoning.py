"""How models mark the part of an answer in which they think."""

import re
from dataclasses import dataclass

from corral.engines.llama.parser import Beginning, Mode, NextMode, Reasoning

CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")  # what looks like a control token


@dataclass(frozen=True)
class ReasoningMarks:
    """What stands before and after reasoning."""

    open: str
    close: str


_MARKS = (
    ReasoningMarks("<think>", "</think>"),
    ReasoningMarks("[THINK]", "[/THINK]"),
    ReasoningMarks("<seed:think>", "</seed:think>"),
    ReasoningMarks("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningMarks("<|channel>thought\n", "<channel|>"),
    ReasoningMarks("<mm:think>", "</mm:think>"),
    ReasoningMarks("<think:opensource>", "</think:opensource>"),
)


def find_marks(source: str) -> ReasoningMarks | None:
    """The marks that a chat template knows; it writes or strips at least one of them."""
    return next((marks for marks in _MARKS if marks.open in source or marks.close in source), None)


def control_parts(marks: ReasoningMarks) -> list[str]:
    """What may be control tokens inside of marks that are more than one token."""
    return CONTROL.findall(marks.open + marks.close)


def is_open(prompt: str, marks: ReasoningMarks) -> bool:
    """The prompt ends inside of reasoning."""
    return prompt.rstrip().endswith(marks.open.rstrip())


def is_closed(prompt: str, marks: ReasoningMarks) -> bool:
    """The prompt ends with finished reasoning: the model is told not to think."""
    return prompt.rstrip().endswith(marks.close)


def reading(marks: ReasoningMarks, prompt: str, then: NextMode) -> Mode:
    """Reads an answer to this prompt: reasoning, if there is any, then what follows."""

    def reasoning() -> Mode:
        return Reasoning(marks.close, then)

    if is_open(prompt, marks):
        return reasoning()
    if is_closed(prompt, marks):
        return then()
    return Beginning({marks.open: lambda raw: reasoning()}, then)

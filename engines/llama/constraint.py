"""Structured output: grammars that decide which token may come next, enforced with llguidance.

Why not llama.cpp's own grammar sampler: `docs/decisions/` says it (unsupported keywords are named instead of ignored,
no C++ exception can end the process, and a mask costs microseconds).
"""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from llguidance.gbnf_to_lark import gbnf_to_lark

from corral.engines.errors import UnsupportedSchema
from corral.engines.llama.native import Floats

_MOST_TEXT = 512 * 1024  # characters of a schema or grammar
_DEEPEST = 100  # levels of a schema
_CACHED = 64  # compiled grammars
JSON_OPTIONS: Any = {  # whatever a schema's own "x-guidance" says
    "whitespace_pattern": r"[ \n\r\t]{0,32}",  # bounded: an answer can't get lost in blanks
    "lenient": False,
    "coerce_one_of": False,
}
_KEYWORDS = re.compile(r"Unimplemented keys: \[(.*?)\]")
_OUR_WORDS = (
    re.compile(  # a place in the grammar that we made, and that grammar's lines behind an error's first line
        r"^at \d+\(\d+\): failed to compile JSON schema: |\n +\d+ \| (?s:.*)"
    )
)
_SPECIAL_MARK = b"\xff"  # how llguidance tells control tokens from text


class Constraint:
    """A grammar's state along one sequence of tokens."""

    def __init__(self, matcher: LLMatcher, vocabulary_size: int) -> None:
        self._matcher = matcher
        self._words = np.zeros((vocabulary_size + 31) // 32, np.uint32)
        self._size = vocabulary_size

    def apply_mask(self, logits: Floats) -> None:
        """Set the logits, shape (vocabulary,), of all tokens that may not come next to -inf, in place."""
        self._matcher.unsafe_compute_mask_ptr(self._words.ctypes.data, self._words.nbytes)
        allowed = np.unpackbits(self._words.view(np.uint8), count=self._size, bitorder="little")
        np.copyto(logits, -np.inf, where=allowed == 0)

    def consume(self, token: int) -> None:
        """Move on by a token that the mask allowed."""
        self._matcher.consume_token(token)

    @property
    def is_complete(self) -> bool:
        """Nothing but the end may follow."""
        return bool(self._matcher.is_stopped())

    def allows_any_but(self, ends: Sequence[int]) -> bool:
        """A token other than these may come next."""
        logits = np.zeros(self._size, np.float32)
        self.apply_mask(logits)
        logits[list(ends)] = -np.inf
        return bool((logits == 0).any())

    @property
    def error(self) -> str:
        """Why the grammar gave up (too complex at run time); empty if all is well."""
        return str(self._matcher.get_error())

    def clone(self) -> "Constraint":
        return Constraint(self._matcher.deep_copy(), self._size)


class GrammarCompiler:
    """Compiles schemas and grammars for one vocabulary; keeps the latest ones. Thread-safe."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._limits = LLParserLimits()
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._control: dict[str, int] | None = None
        self._lock = threading.Lock()

    def json_object(self) -> Constraint:
        """Any JSON object."""
        return self.json_schema({"type": "object"})

    def json_schema(self, schema: dict[str, Any] | bool) -> Constraint:
        """JSON that validates against `schema`. Raises UnsupportedSchema, which names the keyword."""
        text = schema_text(schema)
        try:
            grammar = LLMatcher.grammar_from_json_schema(text, overrides=JSON_OPTIONS)
        except ValueError as error:
            raise UnsupportedSchema(f"this is not a JSON schema: {error}", param="response_format") from error
        constraint = self._constraint(grammar)
        if not constraint.clone().allows_any_but(self._tokenizer.eos_tokens):
            raise UnsupportedSchema(
                "this schema allows no value at all; does a $ref refer to itself?", param="response_format"
            )
        return constraint

    def gbnf(self, text: str) -> Constraint:
        """A grammar in llama.cpp's notation. Raises UnsupportedSchema."""
        return self.lark(gbnf_as_lark(text), param="grammar")

    def lark(
        self, text: str, *, parts: Mapping[str, str] | None = None, param: str = "response_format"
    ) -> Constraint:
        """A grammar in llguidance's Lark dialect; it names `parts`, grammars themselves, as `@part`. Raises UnsupportedSchema."""
        grammars = [{"lark_grammar": text}]
        grammars += [{"name": name, "lark_grammar": part} for name, part in (parts or {}).items()]
        return self._constraint(json.dumps({"grammars": grammars}), param=param)

    def terminal(self, text: str) -> str:
        """How a Lark grammar names this text: a control token by its number, anything else as a string."""
        token = self._control_tokens().get(text)
        return json.dumps(text, ensure_ascii=False) if token is None else f"<[{token}]>"

    def _control_tokens(self) -> dict[str, int]:
        with self._lock:
            if self._control is None:
                tokenizer = self._tokenizer
                self._control = {
                    tokenizer.decode_str([token]): token
                    for token in range(tokenizer.vocab_size)
                    if tokenizer.is_special_token(token)
                }
            return self._control

    def _constraint(self, grammar: str, *, param: str = "response_format") -> Constraint:
        with self._lock:
            found = self._compiled.get(grammar)
            if found is not None:
                self._compiled.move_to_end(grammar)
        if found is None:
            found = LLMatcher(self._tokenizer, grammar, log_level=0, limits=self._limits)
            if found.is_error():
                raise UnsupportedSchema(_explain(found.get_error()), param=param)
            with self._lock:
                self._compiled[grammar] = found
                while len(self._compiled) > _CACHED:
                    self._compiled.popitem(last=False)
        return Constraint(found.deep_copy(), self._tokenizer.vocab_size)


def schema_text(schema: dict[str, Any] | bool) -> str:
    """The schema as a JSON object, if it is small and flat enough to be compiled. Raises UnsupportedSchema."""
    if isinstance(schema, bool):
        schema = {} if schema else {"not": {}}
    if _depth(schema) > _DEEPEST:
        raise UnsupportedSchema(
            f"this schema is nested more than {_DEEPEST} levels deep; use $ref instead",
            param="response_format",
        )
    text = json.dumps(schema)
    _check_size(text)
    return text


def gbnf_as_lark(text: str) -> str:
    """The same grammar in llguidance's dialect. Raises UnsupportedSchema."""
    _check_size(text)
    try:
        return gbnf_to_lark(text)
    except Exception as error:
        raise UnsupportedSchema(
            f"this GBNF grammar can't be read: {_first_line(error)}", param="grammar"
        ) from error


def build_tokenizer(
    *,
    pieces: Sequence[bytes],
    special: set[int],
    eos_ids: Sequence[int],
    tokenize: Callable[[bytes], list[int]],
) -> LLTokenizer:
    """Index a vocabulary. `pieces`: bytes of each token id; `special`: ids that are control tokens, not text."""
    vocabulary = TokenizerWrapper(_Vocabulary(pieces, special, eos_ids, tokenize))
    return LLTokenizer(vocabulary, eos_token=list(eos_ids))


class _Vocabulary:
    """What llguidance's TokenizerWrapper asks of a tokenizer."""

    bos_token_id = None

    def __init__(
        self,
        pieces: Sequence[bytes],
        special: set[int],
        eos_ids: Sequence[int],
        tokenize: Callable[[bytes], list[int]],
    ) -> None:
        self.tokens = [_SPECIAL_MARK + piece if id in special else piece for id, piece in enumerate(pieces)]
        self.special_token_ids = sorted(special)
        self.eos_token_id = eos_ids[0]
        self._tokenize = tokenize

    def __call__(self, text: bytes | str) -> list[int]:
        return self._tokenize(text.encode() if isinstance(text, str) else text)


def _depth(value: object) -> int:
    """Levels of nesting, counted without recursion; stops once it is too deep."""
    level: list[object] = [value]
    depth = 0
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _check_size(text: str) -> None:
    if len(text) > _MOST_TEXT:
        raise UnsupportedSchema(
            f"a schema or grammar may have at most {_MOST_TEXT} characters", param="response_format"
        )


def _explain(error: str) -> str:
    if keywords := _KEYWORDS.search(error):
        return f"these schema keywords are not supported: {keywords[1]}; leave them out or express them differently"
    error = _OUR_WORDS.sub("", error)
    if "oneOf constraints" in error:
        return "oneOf can be enforced only where its choices visibly exclude each other; use anyOf instead"
    return f"this schema or grammar can't be enforced: {_first_line(error)}"


def _first_line(error: object) -> str:
    text = " ".join(str(error).split())
    return text[:300] + ("…" if len(text) > 300 else "")

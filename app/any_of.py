"""Looking for many words in a text at once.

pydantic's regular expressions are those of Rust, which look for all words in one pass with vector instructions. For 26 words that takes
as long as Python's own `in` takes for one, where its `re` takes ten times as long.
"""

import re

from pydantic_core import SchemaValidator, core_schema

_UTF8 = SchemaValidator(core_schema.str_schema(pattern="", regex_engine="rust-regex"))


class AnyOf:
    """Some words."""

    def __init__(self, *words: str) -> None:
        pattern = "|".join(map(re.escape, words))
        self._found = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))

    def may_be_in(self, text: str) -> bool:
        """Whether one of them is there. True also for a text with lone surrogates, which can't be looked through."""
        return self._found.isinstance_python(text) or not _UTF8.isinstance_python(text)

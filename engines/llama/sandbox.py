"""A Jinja environment for templates of strangers: no escape to Python, bounded time, bounded memory.

Every model file brings a chat template, so a template is code that nobody has read. Time is bounded with a trace function
(it sees every line of the template's compiled code, so that no loop or recursion can run away, and nothing is left behind
in the thread); memory by counting the characters and items that expressions make, before C code makes them.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from itertools import islice
from types import FrameType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

_WIDEST = 1000  # characters of an indent, a padding, a number's format
_MOST_ITEMS = 200_000  # of a list that an expression makes
_ITEM_SIZE = 8  # what an item of a list counts as, in characters
_LONGEST_NUMBER = 256  # bits
_CHECK_EVERY = 16  # traced events


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILTERS = _words(
    "abs capitalize count d default dictsort e escape first float from_json indent int items join last length list"
    " lower map max min reject rejectattr replace reverse round safe select selectattr sort string sum title tojson trim"
    " unique upper"
)
_METHODS = {
    str: _words(
        "capitalize count endswith find format index isalnum isalpha isdecimal isdigit islower isnumeric isspace istitle"
        " isupper join lower lstrip partition removeprefix removesuffix replace rfind rindex rpartition rsplit rstrip"
        " split splitlines startswith strip swapcase title upper"
    ),
    list: _words("append count index pop"),
    tuple: _words("count index"),
    dict: _words("copy get items keys pop values"),
}
_WIDE_FORMAT = re.compile(r":[^{}]*(?:\d{4}|\{)")


class LimitExceeded(BaseException):
    """A template took too much time or memory. No `except Exception` on the way can swallow it."""


class TemplateRefusal(Exception):
    """What a template said with its own `raise_exception`."""


class _Budget:
    """Characters and items that one rendering may still make."""

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise LimitExceeded("it makes too much text")


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


class _Stopwatch:
    """A trace function that ends a thread's work after some CPU time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds
        self._events = 0

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        self._events += 1
        if self._events % _CHECK_EVERY == 0 and time.thread_time() > self._end:
            raise LimitExceeded("it takes too long")
        return self.trace if frame.f_code.co_filename == "<template>" else None


@contextmanager
def limits(*, seconds: float, size: int) -> Iterator[None]:
    """Bound the work on a template inside the block: CPU seconds, characters made. Raises LimitExceeded."""
    before = sys.gettrace()
    token = _budget.set(_Budget(size))
    sys.settrace(_Stopwatch(seconds).trace)
    try:
        yield
    finally:
        sys.settrace(before)
        _budget.reset(token)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as chat templates know it from the transformers library, without what they never use."""

    intercepted_binops = frozenset(["+", "*", "**", "%", "//"])

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_text,
            extensions=[_GenerationTag, loopcontrols],
        )
        self.code_generator_class = _Generator
        self.concat = self.join_limited  # type: ignore[method-assign]
        self.filters["tojson"] = _to_json
        self.filters["from_json"] = json.loads
        self.filters["safe"] = self.filters["string"] = _text
        self.filters = {name: _counted(name, self.filters[name]) for name in _FILTERS}
        self.globals = {
            name: self.globals[name] for name in ("range", "dict", "namespace", "cycler", "joiner")
        }
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = lambda form: now().strftime(_narrow(form))

    def join_limited(self, parts: Iterable[object]) -> str:
        """What `~` and blocks are joined with."""
        texts = []
        for part in parts:
            texts.append(part if type(part) is str else _text(part))
            _spend(len(texts[-1]))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "+":
            if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
                _spend(_weight(left) + _weight(right))
        elif operator == "*":
            _spend(_product(left, right))
        elif operator == "**" or isinstance(left, str):
            raise SecurityError(f"chat templates may not use {operator} here")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        method = getattr(obj, "__wrapped__", obj)  # the sandbox wraps str.format
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str | list | tuple | dict):
            _check_method(owner, method.__name__, args)
        result = super().call(context, obj, *args, **kwargs)
        _spend(_weight(result))
        return result

    def getitem(self, obj: Any, argument: Any) -> Any:
        result = super().getitem(obj, argument)
        if isinstance(argument, slice):
            _spend(_weight(result))
        return result

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, names in _METHODS.items():
            if isinstance(obj, kind) and callable(value):
                return attr in names
        return super().is_safe_attribute(obj, attr, value)


class _Generator(CodeGenerator):
    """Compiles `~` so that it is counted."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.join_limited((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _GenerationTag(Extension):
    """`{% generation %}` marks the assistant's words for training; here it is its content."""

    tags = {"generation"}  # noqa: RUF012 - Jinja declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _spend(size: int) -> None:
    if budget := _budget.get():
        budget.spend(size)


def _weight(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    return len(value) * _ITEM_SIZE if isinstance(value, list | tuple) else 0


def _text(value: object) -> str:
    """As `str`, but what containers hold is counted first: a small one can stand for much text."""
    if isinstance(value, str):
        return str(value)
    _measure(value)
    return str(value)


def _measure(value: object) -> None:
    """Spend what writing a value out would make."""
    if isinstance(value, dict):
        for key, item in value.items():
            _measure(key)
            _measure(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _measure(item)
    _spend(1 + _weight(value))


def _product(left: Any, right: Any) -> int:
    """Size of `left * right`."""
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _LONGEST_NUMBER:
            raise LimitExceeded("it makes numbers that are too long")
        return 0
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            return _weight(one) * max(other, 0)
    return 0


def _check_method(owner: object, name: str, args: tuple[Any, ...]) -> None:
    """Count what a method of text will make, before it does."""
    if not isinstance(owner, str):
        return
    if name == "replace" and len(args) >= 2:
        _spend(_replaced(owner, *args[:2]))
    elif name == "join" and args and isinstance(args[0], list | tuple):
        _spend(sum(len(owner) + _weight(item) for item in args[0]))
    elif name == "format":
        if _WIDE_FORMAT.search(owner):
            raise SecurityError("chat templates may not format that wide")
        _spend((owner.count("{") + 1) * (len(owner) + sum(_weight(argument) for argument in args)))


def _replaced(text: object, old: object, new: object) -> int:
    """Most characters that `text.replace(old, new)` can have."""
    whole, part, other = str(text), str(old), str(new)
    return len(whole) + (whole.count(part) if part else len(whole) + 1) * len(other)


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose input is checked and whose result is counted."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        skip = 1 if hasattr(function, "jinja_pass_arg") else 0
        _check_filter(name, args[skip:], kwargs)
        if name in ("join", "list", "sort", "unique", "reverse", "sum"):
            args = (*args[:skip], _listed(args[skip]), *args[skip + 1 :])
        if name == "join":
            glue = args[skip + 1] if len(args) > skip + 1 else kwargs.get("d", "")
            _spend(sum(len(_text(item)) + len(str(glue)) for item in args[skip]))
        result = function(*args, **kwargs)
        _spend(_weight(result))
        return result

    return run


def _check_filter(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if name == "replace" and len(args) >= 3:
        _spend(_replaced(*args[:3]))
    for value in (*args[1:], *kwargs.values()):
        if name in ("indent", "tojson", "round") and isinstance(value, int | str):
            _narrow(value)
    if name == "indent" and args:
        _spend((str(args[0]).count("\n") + 1) * _WIDEST)


def _narrow(value: Any) -> Any:
    if (value if isinstance(value, int) else len(str(value))) > _WIDEST:
        raise LimitExceeded("it makes text that is too wide")
    return value


def _listed(values: Any) -> Any:
    """A lazy iterable as a list that isn't too long; anything else as it is."""
    if not isinstance(values, Iterator):
        return values
    found = list(islice(values, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        raise LimitExceeded("it makes lists that are too long")
    return found


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As in transformers: no HTML escapes."""
    _measure(value)
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: object) -> None:
    raise TemplateRefusal(str(message)[:_WIDEST])

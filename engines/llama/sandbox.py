"""A Jinja environment for templates of strangers: no escape to Python, bounded time, bounded memory.

Every model file brings a chat template, so a template is code that nobody has read. Time is checked in every turn of a loop,
comparison, call and filter, so that none can run away and nothing is left behind in the thread; memory is bounded by counting
the characters and items that expressions make, before C code makes them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from corral.engines.llama.budget import LimitExceeded, current

_WIDEST = 1000  # characters of an indent, a padding, a number's format
_MOST_ITEMS = 200_000  # of a list that an expression makes
_ITEM_SIZE = 8  # what an item of a list counts as, in characters
_LONGEST_NUMBER = 256  # bits


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
_LISTING = _words("join list sort unique reverse sum")  # filters that walk through all of their input
_WIDE_FORMAT = re.compile(r":[^{}]*(?:\d{4}|\{)")


class TemplateRefusal(Exception):
    """What a template said with its own `raise_exception`."""


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
        self.tests = {name: _ticking(test) for name, test in self.tests.items()}
        self.globals["strftime_now"] = lambda form: now().strftime(_narrow(form))

    def made(self, value: Any) -> Any:
        """A container that the template wrote down."""
        current().hold(value)
        return value

    def tick(self) -> None:
        """Another turn of a loop, or a comparison."""
        current().tick()

    def join_limited(self, parts: Iterable[object]) -> str:
        """What `~` and blocks are joined with."""
        texts = []
        for part in parts:
            texts.append(part if type(part) is str else _text(part))
            current().spend(len(texts[-1]))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            current().spend(_product(left, right))
        elif operator == "+":
            current().spend(_weight(left) + _weight(right))
        elif operator == "**" or isinstance(left, str):
            raise SecurityError(f"chat templates may not use {operator} here")
        return self.made(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        budget = current()
        budget.hold(*args, *kwargs.values())
        method = getattr(obj, "__wrapped__", obj)  # the sandbox wraps str.format
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str):
            args = _check_text_method(owner, method.__name__, args, kwargs)
        elif isinstance(owner, list) and method.__name__ == "append" and args:
            budget.grow(owner, args[0])
        result = super().call(context, obj, *args, **kwargs)
        budget.spend(_weight(result))
        return self.made(result)

    def getitem(self, obj: Any, argument: Any) -> Any:
        result = super().getitem(obj, argument)
        if isinstance(argument, slice):
            current().spend(_weight(result))
        return result

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, names in _METHODS.items():
            if isinstance(obj, kind) and callable(value):
                return attr in names
        return super().is_safe_attribute(obj, attr, value)


class _Generator(CodeGenerator):
    """Compiles loops and comparisons so that they check the time, and what makes text or containers so that it is counted."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        node.body.insert(0, nodes.ExprStmt(nodes.EnvironmentAttribute("tick"), lineno=node.lineno))
        super().visit_For(node, frame)

    def visit_EnvironmentAttribute(self, node: nodes.EnvironmentAttribute, frame: Frame) -> None:
        self.write(f"environment.{node.name}()")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        self.write("(environment.tick() or ")
        super().visit_Compare(node, frame)
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.join_limited((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self._made(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self._made(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        if node.ctx == "load":
            self._made(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def _made(self, visit: Callable[[Any, Frame], None], node: nodes.Node, frame: Frame) -> None:
        self.write("environment.made(")
        visit(node, frame)
        self.write(")")


class _GenerationTag(Extension):
    """`{% generation %}` marks the assistant's words for training; here it is its content."""

    tags = {"generation"}  # noqa: RUF012 - Jinja declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _weight(value: object) -> int:
    """Characters or items of the value itself."""
    if isinstance(value, str):
        return len(value)
    return len(value) * _ITEM_SIZE if isinstance(value, list | tuple) else 0


def _text(value: object) -> str:
    """As `str`, but counted first: a small container can stand for much text."""
    if not isinstance(value, str):
        current().spend(current().size_of(value))
    return str(value)


def _measure(value: object, indent: int, depth: int = 1) -> None:
    """Spend what writing a value out as JSON would make."""
    budget = current()
    budget.spend(1 + depth * indent + _weight(value))
    if isinstance(value, dict):
        for key, item in value.items():
            budget.spend(len(str(key)))
            _measure(item, indent, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _measure(item, indent, depth + 1)


def _product(left: Any, right: Any) -> int:
    """Size of `left * right`."""
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _LONGEST_NUMBER:
            raise LimitExceeded("it makes numbers that are too long")
        return 0
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            return current().size_of(one) * max(other, 0)
    return 0


def _check_text_method(
    owner: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """Count what a method of text will make, before it does. Returns the arguments to call it with."""
    budget = current()
    if name == "replace" and len(args) >= 2:
        budget.spend(_replaced(owner, *args[:2]))
    elif name == "join" and args:
        items = _listed(args[0])
        budget.spend(sum(len(owner) + _weight(item) for item in items))
        return (items, *args[1:])
    elif name == "format":
        if _WIDE_FORMAT.search(owner):
            raise SecurityError("chat templates may not format that wide")
        most = sum(budget.size_of(value) for value in (*args, *kwargs.values()))
        budget.spend((owner.count("{") + 1) * (len(owner) + _WIDEST + most))
    return args


def _replaced(text: object, old: object, new: object) -> int:
    """Most characters that `text.replace(old, new)` can have."""
    whole, part, other = str(text), str(old), str(new)
    return len(whole) + (whole.count(part) if part else len(whole) + 1) * len(other)


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose input is checked and whose result is counted."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        skip = 1 if hasattr(function, "jinja_pass_arg") else 0
        budget = current()
        budget.hold(*args[skip:], *kwargs.values())
        if name in _LISTING:
            args = (*args[:skip], _listed(args[skip]), *args[skip + 1 :])
        _check_filter(name, args[skip:], kwargs)
        result = function(*args, **kwargs)
        budget.spend(_weight(result))
        if isinstance(result, list | tuple | dict):
            budget.hold(result)
        return result

    return run


def _ticking(test: Any) -> Callable[..., Any]:
    """A test that checks the time."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> Any:
        current().tick()
        return test(*args, **kwargs)

    return run


def _check_filter(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse or count what a filter will make, before it does."""
    budget = current()
    if name == "replace" and len(args) >= 3:
        budget.spend(_replaced(*args[:3]))
    elif name == "join":
        glue = args[1] if len(args) > 1 else kwargs.get("d", "")
        budget.spend(sum(len(_text(item)) + len(str(glue)) for item in args[0]))
    elif name == "indent" and args:
        budget.spend((str(args[0]).count("\n") + 1) * _WIDEST)
    elif name == "from_json" and args:
        budget.spend(len(args[0]) * _ITEM_SIZE)
    elif name in ("int", "float") and isinstance(args[0], str):
        _narrow(args[0])
    for value in (*args[1:], *kwargs.values()):
        if name in ("indent", "tojson", "round"):
            _narrow(value)


def _narrow(value: Any) -> Any:
    """The value, if neither it nor its text is too big for a width."""
    size = abs(value) if isinstance(value, int | float) else len(str(value))
    if size > _WIDEST:
        raise LimitExceeded("it makes text or numbers that are too wide")
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
    for separator in separators or ():
        _narrow(separator)
    _measure(
        value, (indent if isinstance(indent, int) else len(indent or "")) + len("".join(separators or ()))
    )
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: object) -> None:
    raise TemplateRefusal(str(message)[:_WIDEST])

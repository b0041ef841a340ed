"""One model's way to chat: from a request to the prompt, the parser of the answer and the grammar that it must follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corral.engines.errors import InvalidRequest
from corral.engines.llama import reasoning
from corral.engines.llama.answer_grammar import compile_answer
from corral.engines.llama.constraint import Constraint, GrammarCompiler
from corral.engines.llama.parser import Content, Mode, OutputParser
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.choice import choose_format
from corral.engines.llama.tools.format import ToolFormat
from corral.engines.llama.tools.generic import Generic
from corral.engines.llama.tools.harmony import CONTENT_LEAD, REASONING, Harmony
from corral.engines.llama.tools.offer import offered_tools
from corral.engines.requests import ChatRequest, ContinuedChat, Gbnf, Message, Tool


@dataclass(frozen=True)
class PreparedChat:
    """What the decode loop needs for one chat request."""

    prompt: str
    parser_factory: Callable[[], OutputParser]  # one parser per choice
    constraint: Constraint | None  # clone it per choice
    stop: tuple[str, ...] = ()
    preserved_special: frozenset[str] = frozenset()  # control tokens whose text the parser must see
    answer_so_far: str = ""  # plain text after the prompt


class ChatFormat:
    """Thread-safe. Never fails to be made: a template that doesn't work makes every request fail with InvalidRequest."""

    def __init__(self, source: str, *, bos: str, eos: str, is_special: Callable[[str], bool]) -> None:
        """`is_special`: this text is one control token of the vocabulary."""
        self._is_special = is_special
        self._error: InvalidRequest | None = None
        self._template: ChatTemplate | None = None
        self._format: ToolFormat = Generic()
        self._marks = reasoning.find_marks(source)
        try:
            self._template = ChatTemplate(source, bos, eos)
            self._format = choose_format(self._template)
        except InvalidRequest as error:
            self._error = error
        self._harmony = isinstance(self._format, Harmony)
        if self._harmony:
            self._marks = REASONING

    @property
    def supports_reasoning(self) -> bool:
        """The template knows reasoning parts."""
        return self._marks is not None

    @property
    def tool_format_name(self) -> str:
        """The family whose tool calls this model writes."""
        return self._format.name

    def prepare(self, request: ChatRequest, grammars: Callable[[], GrammarCompiler]) -> PreparedChat:
        """`grammars` is called only if the answer must follow a grammar. Raises InvalidRequest and its kinds.

        With tools that must be called, an output format has no content to apply to. With tools that may be called, the
        answer is a call or content in that format.
        """
        tools = offered_tools(request)
        prompt = self._render(request, tools)
        marks = self._marks
        so_far = request.answer_so_far if isinstance(request, ContinuedChat) else ""
        if so_far:
            self._check_continued(request, prompt)
        return PreparedChat(
            prompt=prompt,
            parser_factory=lambda: OutputParser(
                self._reader(prompt, tools, begun=bool(so_far)),
                most_calls=None if request.parallel_tool_calls else 1,
            ),
            constraint=self._constraint(request, tools, prompt, grammars),
            preserved_special=self._preserved(tools, marks),
            answer_so_far=so_far,
        )

    def _check_continued(self, request: ChatRequest, prompt: str) -> None:
        """Text alone has to tell where the answer is. Raises InvalidRequest."""
        if self._harmony or (self._marks is not None and reasoning.is_open(prompt, self._marks)):
            raise InvalidRequest("this model thinks first: its answers can't be continued", param="messages")
        if request.generation.output_format is not None or request.tool_choice.mode in ("required", "named"):
            raise InvalidRequest(
                "an answer in a given format, or of calls alone, can't be continued;"
                " leave `continue_final_message` out",
                param="continue_final_message",
            )

    def prompt(self, request: ChatRequest) -> str:
        """What the model would read. Raises InvalidRequest and its kinds."""
        return self._render(request, offered_tools(request))

    def _render(self, request: ChatRequest, tools: Sequence[Tool]) -> str:
        if self._template is None:
            assert self._error is not None
            raise InvalidRequest(self._error.message, param=self._error.param)
        messages: Sequence[Message] = request.messages
        messages, shown = self._format.instruct(self._template, messages, tools)
        return self._template.render(messages, shown, variables=request.template_variables)

    def _reader(self, prompt: str, tools: Sequence[Tool], *, begun: bool) -> Mode:
        if self._harmony:
            return self._format.reader(tools)

        def answer() -> Mode:
            return self._format.reader(tools) if tools else Content({})

        return answer() if self._marks is None or begun else reasoning.reading(self._marks, prompt, answer)

    def _constraint(
        self,
        request: ChatRequest,
        tools: Sequence[Tool],
        prompt: str,
        grammars: Callable[[], GrammarCompiler],
    ) -> Constraint | None:
        output = request.generation.output_format
        must_call = request.tool_choice.mode in ("required", "named")
        if not must_call and output is None:
            return None
        if tools and isinstance(output, Gbnf):
            raise InvalidRequest(
                "a grammar can't be combined with tools; leave one of them out", param="grammar"
            )
        compiler = grammars()
        calls = None
        if tools:
            several = request.parallel_tool_calls and request.tool_choice.mode != "named"
            calls = self._format.rules(tools, several=several, terminal=compiler.terminal).text
        marks = self._marks
        if marks is not None and reasoning.is_closed(prompt, marks) and not self._harmony:
            marks = None
        return compile_answer(
            compiler,
            calls=calls,
            output=None if must_call else output,
            thinking=marks,
            must_close=marks is not None and reasoning.is_open(prompt, marks),
            lead=CONTENT_LEAD if self._harmony else "",
        )

    def _preserved(self, tools: Sequence[Tool], marks: reasoning.ReasoningMarks | None) -> frozenset[str]:
        texts = set(self._format.markers) if tools or self._harmony else set()
        if marks is not None:
            texts |= {marks.open, marks.close, *reasoning.control_parts(marks)}
        return frozenset(text for text in texts if self._is_special(text))

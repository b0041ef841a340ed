"""One choice's tokens become the events that a client sees."""

from collections.abc import Callable, Sequence

from corral.engines.events import Event, TextDelta, TokenLogprob, ToolCallDelta
from corral.engines.llama.parser import OutputParser, ReasoningText, Text, ToolCallArguments, ToolCallStart
from corral.engines.llama.text import TextAssembler


class Answer:
    """Bytes → whole characters up to a stop string → content, reasoning and tool calls → events."""

    def __init__(
        self,
        *,
        index: int,
        piece: Callable[[int], bytes],
        stop: Sequence[str] = (),
        parser: OutputParser | None = None,
    ) -> None:
        """Without a parser all text is content. `piece` gives a token's bytes as this answer shows them."""
        self.piece = piece
        self.reasoning_tokens = 0
        self.called_tools = False
        self._index = index
        self._text = TextAssembler(stop)
        self._parser = parser
        self._logprobs: list[TokenLogprob] = []
        self._prompt_logprobs: list[TokenLogprob] = []

    @property
    def stopped(self) -> bool:
        """A stop string was found: the answer is complete."""
        return self._text.stopped

    @property
    def stop_string(self) -> str | None:
        """The stop string that was found."""
        return self._text.stop_string

    def add_logprob(self, entry: TokenLogprob) -> None:
        """Remember a generated token's probability; it leaves with the next text."""
        self._logprobs.append(entry)

    def score_prompt(self, entry: TokenLogprob) -> None:
        """Remember a prompt token's probability, for echo."""
        self._prompt_logprobs.append(entry)

    def prompt_logprobs(self) -> tuple[TokenLogprob, ...]:
        return tuple(self._prompt_logprobs)

    def feed(self, token: int) -> list[Event]:
        text = self._text.feed(self.piece(token))
        if self._parser is None:
            return [self._delta(text)] if text else []
        events = self._convert(text)
        self.reasoning_tokens += self._parser.in_reasoning
        return events

    def finish(self) -> list[Event]:
        """What was held back until the end."""
        text = self._text.flush()
        if self._parser is None:
            return [self._delta(text)] if text or self._logprobs else []
        events = self._convert(text, last=True)
        if self._logprobs:
            events.append(self._delta(""))
        return events

    def _delta(self, text: str, *, reasoning: bool = False) -> TextDelta:
        logprobs, self._logprobs = tuple(self._logprobs), []
        return TextDelta(index=self._index, text=text, reasoning=reasoning, logprobs=logprobs)

    def _convert(self, text: str, *, last: bool = False) -> list[Event]:
        assert self._parser is not None
        pieces = list(self._parser.feed(text)) if text else []
        if last:
            pieces += self._parser.finish()
        events: list[Event] = []
        for piece in pieces:
            match piece:
                case Text(text):
                    events.append(self._delta(text))
                case ReasoningText(text):
                    events.append(self._delta(text, reasoning=True))
                case ToolCallStart(call, id, name):
                    self.called_tools = True
                    events.append(ToolCallDelta(index=self._index, call=call, id=id, name=name))
                case ToolCallArguments(call, text):
                    events.append(ToolCallDelta(index=self._index, call=call, arguments=text))
        return events

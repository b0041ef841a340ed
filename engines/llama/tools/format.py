"""What a family of models must tell about its tool calls."""

from collections.abc import Sequence
from typing import Protocol

from corral.engines.llama.parser import Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.grammar import Rules, Terminal
from corral.engines.requests import Message, Tool


class ToolFormat(Protocol):
    """One family's syntax. Stateless; one value serves all requests."""

    name: str
    markers: tuple[str, ...]  # texts that may be control tokens and that the parser must see

    def fits(self, template: ChatTemplate) -> bool:
        """This template writes calls this way."""

    def reader(self, tools: Sequence[Tool]) -> Mode:
        """Reads an answer from its first character after any reasoning."""

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        """The grammar of one or more calls of these tools. Raises UnsupportedSchema."""

    def instruct(
        self, template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[Sequence[Message], Sequence[Tool]]:
        """The messages and tools to render: what the template can't say itself is said in messages."""


class NativeFormat:
    """A family whose templates describe the tools themselves."""

    def instruct(
        self, template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[Sequence[Message], Sequence[Tool]]:
        """Everything is left to the template."""
        return messages, tools

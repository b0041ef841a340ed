"""What a provider wants back with a tool call and OpenAI's format has no place for: signatures of thoughts.

Kept by the id of the call for as long as there is room: a conversation that outlives it goes on without.
"""

from collections import OrderedDict
from typing import Any

MOST = 2048


class Thoughts:
    """The latest ones."""

    def __init__(self) -> None:
        self._by_call: OrderedDict[str, Any] = OrderedDict()

    def remember(self, call: str, thought: Any) -> None:
        """`thought` is JSON in the provider's own form."""
        self._by_call[call] = thought
        self._by_call.move_to_end(call)
        if len(self._by_call) > MOST:
            self._by_call.popitem(last=False)

    def of(self, call: str) -> Any:
        """None: forgotten, or the call came from elsewhere."""
        return self._by_call.get(call)

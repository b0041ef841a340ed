"""Windows. pystray refuses unknown messages, also the question whether the session may end. Not run: see docs/platforms.md."""

from collections.abc import Callable
from typing import Any

_QUERY_END_SESSION, _END_SESSION = 0x0011, 0x0016  # WM_QUERYENDSESSION, WM_ENDSESSION


def let_the_session_end(icon: Any, leave: Callable[[], None]) -> None:
    """Agree when the user logs off, and leave in order when they do."""

    def ended(wparam: int, lparam: int) -> int:
        if wparam:
            leave()
        return 0

    icon._message_handlers[_QUERY_END_SESSION] = lambda wparam, lparam: 1
    icon._message_handlers[_END_SESSION] = ended

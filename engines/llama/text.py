"""From token bytes to text that may be shown: whole characters only, and never a stop string or its beginning."""

import codecs
from collections.abc import Sequence


class TextAssembler:
    """Collects one choice's bytes; gives text once it can't become part of a stop string any more."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.stop_string: str | None = None  # the one that was found; nothing after it is given

    @property
    def stopped(self) -> bool:
        """A stop string was found."""
        return self.stop_string is not None

    def feed(self, data: bytes) -> str:
        """The text that became certain with these bytes."""
        return self._release(self._decoder.decode(data))

    def flush(self) -> str:
        """What is left at the end; an unfinished character becomes U+FFFD."""
        text = self._release(self._decoder.decode(b"", final=True))
        rest, self._held = self._held, ""
        return text if self.stopped else text + rest

    def _release(self, new: str) -> str:
        if self.stopped:
            return ""
        if not self._stop:
            return new
        text = self._held + new
        found = [(at + len(stop), at, stop) for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:  # the first to be complete counts, however the text was cut into pieces
            _, at, self.stop_string = min(found)
            self._held = ""
            return text[:at]
        held = max(overlap(text, stop) for stop in self._stop)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`, but isn't all of it."""
    end = text[max(0, len(text) - len(stop) + 1) :]
    at = end.find(stop[0])
    while at >= 0 and not stop.startswith(end[at:]):
        at = end.find(stop[0], at + 1)
    return len(end) - at if at >= 0 else 0

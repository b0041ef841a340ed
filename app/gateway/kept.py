"""What the KV cache of one place is thought to keep: the beginnings of prompts that were read there last, as far as there is
room. How much room there is nobody says; it is learned from what answers say they found. Pure.

An answer that found less than was expected says that there is so much less room, but for what came since; one that found what
was thought to be gone says that there is so much more. What was sent but is not read yet is expected by nobody: two prompts with the same beginning that
come together both have to read it.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from corral.app.gateway.fingerprints import Fingerprints

BLOCK_CHARACTERS = 512  # engines reuse whole blocks of tokens, so that somewhat less is found than was there


@dataclass(slots=True)
class _Piece:
    """What lies between a fingerprint and the one before."""

    characters: int
    at: float  # Unix time of the last prompt that had it
    read: bool = False  # an answer has come to such a prompt


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a prompt that is sent: characters of its beginning that should be found, and those that were thought to be gone."""

    held: int = 0
    gone: int = 0
    newer: int = 0  # characters of what came there since the last such prompt


NOTHING_EXPECTED = Expected()


class Kept:
    """At one place."""

    __slots__ = ("_characters", "_gone", "_pieces", "_room", "_tells")

    def __init__(self) -> None:
        self._pieces: OrderedDict[bytes, _Piece] = OrderedDict()
        self._characters = 0
        self._room: int | None = None  # characters; None: nothing was missing yet
        self._gone: OrderedDict[bytes, None] = OrderedDict()
        self._tells = False  # it has said of an answer that something was cached

    @property
    def known(self) -> Collection[bytes]:
        """What is thought to be kept."""
        return self._pieces.keys()

    @property
    def gone(self) -> Collection[bytes]:
        """What is thought to have been dropped lately, by what was learned of the room."""
        return () if self._room is None else self._gone.keys()

    def newest(self, most: int, *, since: float) -> tuple[bytes, ...]:
        """Noted after `since`, newest first."""
        found: list[bytes] = []
        for each, piece in reversed(self._pieces.items()):
            if piece.at < since or len(found) == most:
                break
            found.append(each)
        return tuple(found)

    def note(self, prompt: Fingerprints, *, now: float, most: int) -> Expected:
        """A prompt is sent; at most so many fingerprints are remembered."""
        expected = self._expected(prompt)
        before = 0
        for each, reach in zip(prompt.prints, prompt.reaches, strict=True):
            piece = self._pieces.get(each)
            if piece is None:
                piece = self._pieces[each] = _Piece(0, now)
                self._gone.pop(each, None)
            else:
                self._pieces.move_to_end(each)
            piece.at = now
            self._characters += max(0, reach - before - piece.characters)
            piece.characters = max(reach - before, piece.characters)
            before = reach
        self._make_room(most)
        return expected

    def found(self, prompt: Fingerprints, expected: Expected, share: float) -> None:
        """The answer says that this share of the prompt was there."""
        characters = int(share * prompt.characters)
        self._tells = self._tells or characters > 0
        for each in prompt.prints:
            piece = self._pieces.get(each)
            if piece is not None:
                piece.read = True
        missing = expected.held - characters
        if missing > BLOCK_CHARACTERS and self._tells:
            room = self._characters if self._room is None else min(self._room, self._characters)
            self._room = min(room, max(room - missing, expected.newer + characters))
            self._make_room(len(self._pieces))
        elif self._room is not None and characters + BLOCK_CHARACTERS > expected.gone > expected.held:
            self._room += expected.gone - expected.held

    def _expected(self, prompt: Fingerprints) -> Expected:
        """Without the model's answers: not all of what it wrote has to be in the next prompt."""
        gone = 0
        for each, length in zip(reversed(prompt.prints), reversed(prompt.lengths), strict=True):
            piece = self._pieces.get(each)
            if piece is not None and piece.read:
                return Expected(length, gone, self._newer(each))
            if not gone and each in self._gone:
                gone = length
        return Expected(0, gone)

    def _newer(self, than: bytes) -> int:
        characters = 0
        for each, piece in reversed(self._pieces.items()):
            if each == than:
                break
            characters += piece.characters
        return characters

    def _make_room(self, most: int) -> None:
        while len(self._pieces) > most or (self._room is not None and self._characters > self._room):
            each, piece = self._pieces.popitem(last=False)
            self._characters -= piece.characters
            self._gone[each] = None
        while len(self._gone) > most:
            self._gone.popitem(last=False)

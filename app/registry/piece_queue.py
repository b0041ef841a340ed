"""Which bytes of which file are fetched next, by one of several connections. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

Place = tuple[int, int]  # number of a file, number of a piece of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Pieces of one file from `first` up to, but without, `end`. `whole`: the server can't begin in the middle."""

    file: int
    first: int
    end: int
    whole: bool = False


class PieceQueue:
    """Pieces in order, one for each connection; a file of a server that can't begin in the middle as one run."""

    def __init__(self, sizes: Sequence[int], piece_bytes: int, have: Collection[Place]) -> None:
        """`sizes` of the files in bytes; `have` are the pieces that are there."""
        self._sizes = sizes
        self._piece_bytes = piece_bytes
        self._counts = [-(-size // piece_bytes) for size in sizes]
        self._missing = {
            (file, piece): None
            for file, count in enumerate(self._counts)
            for piece in range(count)
            if (file, piece) not in have
        }
        self._taken: set[Place] = set()
        self._whole: set[int] = set()

    @property
    def complete(self) -> bool:
        return not self._missing

    @property
    def done_bytes(self) -> int:
        """Of the pieces that are there."""
        return sum(self._sizes) - sum(self.piece_size(place) for place in self._missing)

    def piece_size(self, place: Place) -> int:
        """In bytes."""
        file, piece = place
        return min(self._piece_bytes, self._sizes[file] - piece * self._piece_bytes)

    def take(self) -> Run | None:
        """What to fetch now; None: nothing, or others are at it."""
        for file, piece in self._missing:
            if file in self._whole:
                if not any(each[0] == file for each in self._taken):
                    return self._took(Run(file=file, first=0, end=self._counts[file], whole=True))
            elif (file, piece) not in self._taken:
                return self._took(Run(file=file, first=piece, end=piece + 1))
        return None

    def put_back(self, run: Run) -> None:
        """It isn't fetched any more."""
        self._taken -= {(run.file, piece) for piece in range(run.first, run.end)}

    def is_missing(self, place: Place) -> bool:
        return place in self._missing

    def brought(self, place: Place) -> None:
        """The piece is there."""
        self._missing.pop(place, None)

    def only_whole(self, file: int) -> None:
        """Its server can't begin in the middle."""
        self._whole.add(file)

    def _took(self, run: Run) -> Run:
        self._taken |= {(run.file, piece) for piece in range(run.first, run.end)}
        return run

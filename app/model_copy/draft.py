"""The files of an unfinished copy: `NAME.gguf.part`, which no library takes for a model, and `NAME.gguf.copy` beside the
first one, a journal of what is there.

The journal's first line says what is copied, each further one that a piece was written (`+N`) or is wanted again (`-N`).
All of this blocks.
"""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import msgspec

from corral.app.model_copy.errors import BadManifest, CantCopy, CopyFailed, NoRoom
from corral.app.model_copy.file_sum import FileSum
from corral.app.model_copy.manifest import Manifest, ModelSum, Part, Piece, check, id_of, pieces_of
from corral.engines.model_folders import MARKER
from corral.engines.model_names import parse, readable
from corral.peers.private_file import write_private

PART = ".part"
JOURNAL = ".copy"
_READ_BYTES = 1024 * 1024


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a journal."""

    model: str
    manifest: Manifest


class Draft:
    """Made by `begin` or `load`. May be used by several threads."""

    def __init__(self, *, folder: Path, model: str, manifest: Manifest) -> None:
        """`folder` is where its files will be."""
        self.model = model
        self.manifest = manifest
        self.id = id_of(manifest)
        self.pieces = pieces_of(manifest)
        self.have: set[int] = set()
        self._folder = folder
        self._journal = folder / (manifest.parts[0].name + JOURNAL)
        self._lock = threading.Lock()
        self._closed = False

    # --- beginnings

    @classmethod
    def begin(cls, models: Path, *, model: str, manifest: Manifest) -> Self:
        """In the folder of models, so that the files will be listed as `model`. Raises CantCopy, OSError."""
        draft = cls(folder=_place(models, model, manifest), model=model, manifest=manifest)
        draft._folder.mkdir(parents=True, exist_ok=True)
        if "/" in model:
            (draft._folder / MARKER).touch()
        head = msgspec.json.encode(_Head(model=model, manifest=manifest))
        write_private(draft._journal, head + b"\n")  # first: with it a crash leaves nothing that nobody knows
        draft._mend()
        return draft

    @classmethod
    def load(cls, journal: Path) -> Self | None:
        """What an earlier start of the node left; None if it makes no sense. Raises OSError."""
        head_line, *lines = journal.read_bytes().split(b"\n")
        try:
            head = msgspec.json.decode(head_line, type=_Head)
            check(head.manifest)
        except (msgspec.DecodeError, BadManifest, UnicodeDecodeError):
            return None
        draft = cls(folder=journal.parent, model=head.model, manifest=head.manifest)
        if draft._journal != journal:
            return None
        draft._replay(lines[:-1])  # what comes after the last newline was not written to its end
        draft._mend()
        return draft

    def _replay(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            sign, number = line[:1], line[1:]
            if number.isdigit() and int(number) < len(self.pieces):
                (self.have.add if sign == b"+" else self.have.discard)(int(number))

    def _mend(self) -> None:
        """Files that are missing or have another size are begun anew."""
        for place, part in enumerate(self.manifest.parts):
            path = self._draft_of(part)
            if self._is_placed(part) or (path.is_file() and path.stat().st_size == part.size_bytes):
                continue
            with path.open("wb") as file:
                file.truncate(part.size_bytes)
            self.have -= {piece.number for piece in self.pieces if piece.part == place}

    # --- pieces

    @property
    def missing_bytes(self) -> int:
        """Of the pieces that are not there."""
        return sum(piece.size_bytes for piece in self.pieces if piece.number not in self.have)

    def check_room(self, *, keep_free_bytes: int) -> None:
        """Raises NoRoom."""
        check_room(self._folder, self.missing_bytes, keep_free_bytes=keep_free_bytes)

    def write(self, piece: Piece, data: bytes | bytearray) -> bool:
        """Put a piece on disk; False if it is not the right one. Raises OSError."""
        if sha256(data).digest() != piece.sha256:
            return False
        with self._lock:
            if self._closed or piece.number in self.have:
                return True
            with self._draft_of(self.manifest.parts[piece.part]).open("r+b", buffering=0) as file:
                file.seek(piece.offset)
                view = memoryview(data)
                while view:
                    view = view[file.write(view) or 0 :]
            self._note(b"+", piece.number)
            self.have.add(piece.number)
        return True

    def close(self) -> None:
        """Nothing is written from now on; what is there stays."""
        with self._lock:
            self._closed = True

    def remove(self) -> None:
        """Nothing stays. Raises OSError."""
        self.close()
        for part in self.manifest.parts:
            self._draft_of(part).unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)

    # --- the end

    def verify(self) -> Iterator[int]:
        """Read everything back, a piece a step (its bytes), and forget pieces that are wrong. Raises OSError, CopyFailed."""
        for place, part in enumerate(self.manifest.parts):
            yield from self._verify_part(part, [each for each in self.pieces if each.part == place])

    def _verify_part(self, part: Part, pieces: Sequence[Piece]) -> Iterator[int]:
        whole, right = sha256(), True
        path = self._folder / part.name if self._is_placed(part) else self._draft_of(part)
        with path.open("rb", buffering=0) as file:
            for piece in pieces:
                found = sha256()
                left = piece.size_bytes
                while left and (data := file.read(min(_READ_BYTES, left))):
                    found.update(data)
                    whole.update(data)
                    left -= len(data)
                if found.digest() != piece.sha256:
                    right = False
                    self._want_again(piece)
                yield piece.size_bytes
        if right and whole.digest() != part.sha256:
            raise CopyFailed(
                f"file {part.name} is not what its checksum says, though each piece is: the machine that it came from has "
                "described it wrongly"
            )

    def _want_again(self, piece: Piece) -> None:
        with self._lock:
            self.have.discard(piece.number)
            self._note(b"-", piece.number)

    def place(self) -> tuple[FileSum, ...]:
        """Give the files their names, the first part last: with it the model is there. Raises CantCopy, OSError."""
        with self._lock:
            self._closed = True
            for part in reversed(self.manifest.parts):
                if not self._is_placed(part):
                    self._place_part(part)
            _sync_folder(self._folder)
            self._journal.unlink(missing_ok=True)
        return tuple(map(self._sum_of, self.manifest.parts))

    def _place_part(self, part: Part) -> None:
        draft, path = self._draft_of(part), self._folder / part.name
        if path.exists():
            raise CantCopy(f"another file {part.name} has come into the folder of models; move it away")
        descriptor = os.open(draft, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.rename(path)

    def _sum_of(self, part: Part) -> FileSum:
        path = self._folder / part.name
        status = path.stat()
        return FileSum(
            path=str(path),
            size_bytes=status.st_size,
            modified_ns=status.st_mtime_ns,
            piece_bytes=self.manifest.piece_bytes,
            sha256=part.sha256,
            pieces=part.pieces,
        )

    # --- parts

    def _draft_of(self, part: Part) -> Path:
        return self._folder / (part.name + PART)

    def _is_placed(self, part: Part) -> bool:
        """Whether the node was stopped between giving one file its name and giving it to the next."""
        path = self._folder / part.name
        return not self._draft_of(part).exists() and path.is_file() and path.stat().st_size == part.size_bytes

    def _note(self, sign: bytes, number: int) -> None:
        with self._journal.open("ab") as journal:
            journal.write(b"%s%d\n" % (sign, number))


def find_drafts(models: Path) -> list[Draft]:
    """What earlier starts of the node left, in the folder, those right below it, and ORG/MODEL."""
    found = []
    patterns = (f"*{JOURNAL}", f"*/*{JOURNAL}", f"*/*/*{JOURNAL}")
    for journal in sorted(path for pattern in patterns for path in models.glob(pattern)):
        try:
            draft = Draft.load(journal)
        except OSError:
            continue
        if draft is not None:
            found.append(draft)
    return found


def check_room(folder: Path, needed_bytes: int, *, keep_free_bytes: int) -> None:
    """Raises NoRoom if so much can't be written without leaving less than that. Raises OSError."""
    free_bytes = shutil.disk_usage(folder).free
    short_bytes = needed_bytes + keep_free_bytes - free_bytes
    if short_bytes > 0:
        raise NoRoom(
            f"the disk has {_size(free_bytes)} free, and the model needs {_size(needed_bytes)} more (and "
            f"{_size(keep_free_bytes)} must stay free); make room for {_size(short_bytes)} and try again"
        )


def model_drafts(models: Path, id: ModelSum) -> list[Draft]:
    """Those of one model."""
    return [draft for draft in find_drafts(models) if draft.id == id]


def _place(models: Path, model: str, manifest: Manifest) -> Path:
    """The folder in which the files' names mean this model, and where they are in nobody's way."""
    base = model.partition(":")[0].lower()
    if not is_base(base):
        raise CantCopy(f"{model[:100]!r} is not a model's name")
    first = manifest.parts[0].name
    if "/" in base:
        folders = [models / base]
    else:
        folders = [folder for folder in (models, models / base) if parse(folder / first).base == base]
    if not folders:
        raise CantCopy(f"a file called {first} can't be kept as model {model[:100]!r}; rename it where it is")
    for folder in folders:
        names = [name for part in manifest.parts for name in (part.name, part.name + PART)]
        if not any((folder / name).exists() for name in [*names, first + JOURNAL]):
            return folder
    raise CantCopy(
        f"there is another file called {first}, {first}{PART} or {first}{JOURNAL} already; move it away and try again"
    )


def is_base(name: str) -> bool:
    """Whether a model can be called so, but for its quantisation: a name in lower case, or ORG/MODEL."""
    words = name.split("/")
    return len(words) <= 2 and all(word and readable(word) == word and ".." not in word for word in words)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _sync_folder(folder: Path) -> None:
    """So that the new names are on disk too; Windows can't open folders and needs no such thing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

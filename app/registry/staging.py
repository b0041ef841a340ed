"""Where a model's files are until they are complete: the folder `.pull-…` in the model's own, which no library looks for.

`order` says what is fetched; `journal` has a line for each piece that was written (`+FILE PIECE`), for each file that is
wanted anew (`-FILE`), and for what the origin calls a file's content (`=FILE ETAG`); `N.part` are the bytes; `paused`: go on only when somebody asks. Whoever holds `lock` writes, so two
programs with one folder don't spoil each other's work; the system drops the lock with the process. All of this blocks.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Self

from corral.app.instance import AlreadyRunning, InstanceLock
from corral.app.model_copy.draft import check_room
from corral.app.registry.order import BadOrder, Order, WantedFile, decode, encode
from corral.app.registry.piece_queue import Place
from corral.engines.model_folders import MARKER
from corral.peers.private_file import write_private

PREFIX = ".pull-"
PIECE_BYTES = 16 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_DIGITS = 16  # of the order's id
_GGUF = b"GGUF"


class Held(Exception):
    """Another program is at it."""


class Spoilt(Exception):
    """What came is not what the order says; it is wanted anew."""


class Staging:
    """Made by `opened`; close it. May be used by several threads."""

    def __init__(self, models: Path, order: Order, *, piece_bytes: int = PIECE_BYTES) -> None:
        """`models` is the folder of models. Nothing is touched yet."""
        self.order = order
        self.piece_bytes = piece_bytes
        self.have: set[Place] = set()
        self._models = models
        self._place = models / order.model
        self._folder = staging_folder(models, order)
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {}
        self._held: InstanceLock | None = None

    @classmethod
    def opened(cls, models: Path, order: Order, *, piece_bytes: int = PIECE_BYTES) -> Self | None:
        """Held, with what is there already; None: all files are in their places. Raises Held, OSError."""
        staging = cls(models, order, piece_bytes=piece_bytes)
        if staging.placed:
            return None
        staging._acquire()
        if staging.placed:  # whoever held it has finished
            staging.remove()
            return None
        try:
            staging._begin()
        except BaseException:
            staging.close()
            raise
        return staging

    @classmethod
    def missing_of(cls, models: Path, order: Order, *, piece_bytes: int = PIECE_BYTES) -> int:
        """How many bytes of an order will come yet. Raises OSError."""
        staging = cls(models, order, piece_bytes=piece_bytes)
        staging._replay()
        return staging.missing_bytes

    @property
    def placed(self) -> bool:
        """Whether every file is where it belongs."""
        return (self._place / MARKER).is_file() and all(
            path.is_file() and path.stat().st_size == each.size_bytes
            for each in self.order.files
            for path in (self._place / each.path,)
        )

    @property
    def missing_bytes(self) -> int:
        """That will come yet."""
        return self.order.size_bytes - sum(self._size(place) for place in self.have)

    def check_room(self, *, keep_free_bytes: int) -> None:
        """Raises NoRoom, OSError."""
        check_room(self._folder, self.missing_bytes, keep_free_bytes=keep_free_bytes)

    def write(self, file: int, offset: int, data: bytes | bytearray) -> None:
        """Put bytes of a file on disk. Raises OSError."""
        with self._part(file).open("r+b", buffering=0) as part:
            part.seek(offset)
            view = memoryview(data)
            while view:
                view = view[part.write(view) or 0 :]

    def keep(self, place: Place) -> None:
        """A piece is complete: another start of the program needn't fetch it. Raises OSError."""
        file, piece = place
        _sync(self._part(file))
        with self._lock:
            self._note(f"+{file} {piece}\n")
            self.have.add(place)

    def same_etag(self, file: int, etag: str) -> bool:
        """Whether the origin names the content as before, if it does; else the file is wanted anew. Raises OSError."""
        known = self._etags.get(file)
        if known is None and etag and not any(map(str.isspace, etag)):
            self._etags[file] = etag
            self._note(f"={file} {etag}\n")
        if known in (None, etag) or not etag:
            return True
        self._want_again(file)
        return False

    def verify(self, file: int) -> Iterator[int]:
        """Read a file back, some bytes a step (how many). Raises Spoilt, which wants it anew, and OSError."""
        wanted = self.order.files[file]
        checks = _checks(wanted)
        path = self._place / wanted.path if self._is_placed(file) else self._part(file)
        with path.open("rb", buffering=0) as part:
            head = part.read(len(_GGUF))
            part.seek(0)
            while data := part.read(_READ_BYTES):
                for each, _ in checks:
                    each.update(data)
                yield len(data)
            right = part.tell() == wanted.size_bytes and all(
                each.hexdigest() == digest for each, digest in checks
            )
        if not right or (wanted.path.lower().endswith(".gguf") and head != _GGUF):
            self._want_again(file)
            raise Spoilt(wanted.path)

    def place(self) -> None:
        """Give the files their names, the first one last: with it the model is there. Then nothing else stays. Raises OSError."""
        (self._place / MARKER).touch()
        for number, each in reversed(list(enumerate(self.order.files))):
            if self._is_placed(number):
                continue
            path = self._place / each.path
            path.parent.mkdir(parents=True, exist_ok=True)
            _sync(self._part(number))
            os.replace(self._part(number), path)
        self.remove()

    def pause(self) -> None:
        """No start of the program goes on by itself. Raises OSError."""
        (self._folder / "paused").touch()

    def remove(self) -> None:
        """Nothing stays, and nobody is kept out. Raises OSError."""
        lock = self._folder / "lock"
        for path in list(self._folder.iterdir()) if self._folder.is_dir() else []:
            if path != lock:
                path.unlink(missing_ok=True)
        self.close()
        with suppress(OSError):  # somebody waits for it: he cleans up
            lock.unlink(missing_ok=True)
            self._folder.rmdir()
        _remove_empty(self._models, self._place)

    def close(self) -> None:
        """Let others have it."""
        if self._held is not None:
            self._held.__exit__(None, None, None)
            self._held = None

    # --- parts

    def _acquire(self) -> None:
        path = self._folder / "lock"
        while True:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = InstanceLock(path)
            try:
                lock.__enter__()
            except AlreadyRunning as error:
                raise Held from error
            if lock.is_at_its_path():
                self._held = lock
                return
            lock.__exit__(None, None, None)  # whoever had it has removed it

    def _begin(self) -> None:
        order_file = self._folder / "order"
        (self._folder / "paused").unlink(missing_ok=True)
        if not order_file.is_file():
            write_private(order_file, encode(self.order))
        else:
            self._replay()
        for number, each in enumerate(self.order.files):
            part = self._part(number)
            if self._is_placed(number):
                self.have |= {(number, piece) for piece in range(-(-each.size_bytes // self.piece_bytes))}
            elif not (part.is_file() and part.stat().st_size == each.size_bytes):
                with part.open("wb") as file:
                    file.truncate(each.size_bytes)
                self.have = {place for place in self.have if place[0] != number}

    def _replay(self) -> None:
        journal = self._folder / "journal"
        if not journal.is_file():
            return
        for line in journal.read_text(errors="replace").split("\n")[
            :-1
        ]:  # what has no end was not written to it
            first, _, second = line[1:].partition(" ")
            if not first.isdecimal():
                continue
            file = int(first)
            if line[0] == "+" and second.isdecimal() and self._exists((file, int(second))):
                self.have.add((file, int(second)))
            elif line[0] == "=":
                self._etags[file] = second
            elif line[0] == "-":
                self._forget(file)

    def _forget(self, file: int) -> None:
        self.have = {place for place in self.have if place[0] != file}
        self._etags.pop(file, None)

    def _want_again(self, file: int) -> None:
        with self._lock:
            self._forget(file)
            self._note(f"-{file}\n")

    def _note(self, line: str) -> None:
        with (self._folder / "journal").open("ab") as journal:
            journal.write(line.encode())

    def _is_placed(self, file: int) -> bool:
        """Whether the program was stopped between giving one file its name and giving it to the next."""
        wanted = self.order.files[file]
        path = self._place / wanted.path
        return not self._part(file).exists() and path.is_file() and path.stat().st_size == wanted.size_bytes

    def _exists(self, place: Place) -> bool:
        file, piece = place
        return file < len(self.order.files) and piece * self.piece_bytes < self.order.files[file].size_bytes

    def _size(self, place: Place) -> int:
        file, piece = place
        return min(self.piece_bytes, self.order.files[file].size_bytes - piece * self.piece_bytes)

    def _part(self, file: int) -> Path:
        return self._folder / f"{file}.part"


def staging_folder(models: Path, order: Order) -> Path:
    """Where an order's files are until they are complete."""
    return models / order.model / f"{PREFIX}{order.id[:_DIGITS]}"


def left_orders(models: Path) -> list[Order]:
    """What earlier starts of the program left, but for what is paused."""
    found = []
    for file in sorted([*models.glob(f"*/{PREFIX}*/order"), *models.glob(f"*/*/{PREFIX}*/order")]):
        try:
            order = decode(file.read_bytes())
        except (BadOrder, OSError):
            continue
        if file.parent == staging_folder(models, order) and not (file.parent / "paused").exists():
            found.append(order)
    return found


def discard(models: Path, order: Order) -> None:
    """Remove what has come of an order that nobody works at. Raises OSError."""
    folder = staging_folder(models, order)
    if folder.is_dir():
        shutil.rmtree(folder)
    _remove_empty(models, folder.parent)


def pause(models: Path, order: Order) -> None:
    """No start of the program goes on with it by itself. Raises OSError."""
    folder = staging_folder(models, order)
    if folder.is_dir():
        (folder / "paused").touch()


def _remove_empty(models: Path, place: Path) -> None:
    """The folders of a model that has nothing else."""
    for folder in (place, *place.parents):
        if folder == models:
            return
        with suppress(OSError):  # not empty
            folder.rmdir()


def _checks(wanted: WantedFile) -> list[tuple[Any, str]]:
    """Hashes to feed, each with what it has to be in the end."""
    if wanted.sha256 is not None:
        return [(sha256(), wanted.sha256)]
    if wanted.blob_id is not None:
        return [(sha1(b"blob %d\0" % wanted.size_bytes, usedforsecurity=False), wanted.blob_id)]
    return []


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The files that Vite built: index.html, and those below assets/ whose names change with their content."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_ASSET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
_COMPRESSED = ".gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file; `compressed` with gzip where the build made that too."""

    content: bytes
    compressed: bytes | None
    content_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:24]}"'


class PageFiles:
    """What is in one folder. Reads it anew each time: a page is opened seldom, and then from the browser's cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def index(self) -> PageFile | None:
        """The page itself; None: it was not built. Reads the disk."""
        return _read(self._folder / "index.html")

    def asset(self, name: str) -> PageFile | None:
        """A file below assets/. Reads the disk."""
        if not _ASSET.fullmatch(name) or name.endswith(_COMPRESSED):
            return None
        return _read(self._folder / "assets" / name)


def _read(path: Path) -> PageFile | None:
    content_type = _TYPES.get(path.suffix)
    content = _content(path)
    if content is None or content_type is None:
        return None
    compressed = _content(path.with_name(path.name + _COMPRESSED))
    return PageFile(content=content, compressed=compressed, content_type=content_type)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

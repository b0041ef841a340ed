"""What a repository of a hub is called, and what it holds. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from corral.app.registry.errors import BadWish

DEFAULT_REVISION = "main"
HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_NAME = re.compile(r"[a-z0-9._-]+(/[a-z0-9._-]+)*")
_QUANTIZATION = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_PATH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoFile:
    """One file. At least one of the checksums is known for whatever a real hub serves."""

    path: str  # with slashes
    size_bytes: int
    sha256: str | None = None  # of large files
    blob_id: str | None = None  # git's checksum of small ones: SHA-1 over a head and the content


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository at one commit."""

    id: str  # as the hub writes it
    commit: str
    files: tuple[RepoFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What somebody means by a name or a URL."""

    repo: str
    revision: str = DEFAULT_REVISION
    filename: str | None = None
    quantization: str | None = None


def reference_of(text: str, *, hosts: Collection[str] = HUB_HOSTS) -> Reference:
    """ORG/MODEL, ORG/MODEL:QUANTISATION, or a URL of a repository or a file at one of `hosts`. Raises BadWish."""
    wanted = text.strip()
    scheme, separator, _ = wanted.partition("://")
    if separator:
        return _of_url(scheme, wanted, hosts)
    first, slash, rest = wanted.partition("/")
    if slash and first.lower() in hosts and "/" in rest:
        if rest.count("/") > 1:
            return _of_url("https", f"https://{wanted}", hosts)
        wanted = rest
    repo, colon, quantization = wanted.partition(":")
    if colon and not _QUANTIZATION.fullmatch(quantization):
        raise _wrong(text)
    return Reference(repo=_repo(repo, text), quantization=quantization or None)


def model_name(text: str) -> str:
    """A registered model's name as it is kept: lower case. Raises BadWish."""
    base, colon, quantization = text.strip().partition(":")
    base = base.lower()
    if (
        len(text) > _MOST_PATH
        or not _NAME.fullmatch(base)
        or any(part in (".", "..") for part in base.split("/"))
        or ".." in base
        or (colon and not _QUANTIZATION.fullmatch(quantization))
    ):
        raise BadWish(
            f"{text[:100]!r} is not a model's name: letters, digits, `-`, `_`, `.` and `/`, and perhaps :QUANTISATION",
            code="invalid_value",
            param="name",
        )
    return f"{base}:{quantization.lower()}" if colon else base


def safe_path(path: str) -> bool:
    """Whether a file of a repository can be kept below a folder under this path, on any system, and nowhere else."""
    parts = PurePosixPath(path).parts
    return (
        0 < len(path) <= _MOST_PATH
        and "/".join(parts) == path
        and all(not part.startswith(".") and len(part.encode()) <= 200 for part in parts)
        and re.search(r'[\x00-\x1f\x7f<>:"\\|?*]', path) is None
    )


def _of_url(scheme: str, url: str, hosts: Collection[str]) -> Reference:
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower().rpartition("@")[2]
    except ValueError as error:
        raise _wrong(url) from error
    if scheme.lower() not in ("http", "https") or host not in hosts:
        raise BadWish(
            f"{url[:200]!r} is no address of the hub; give the repository as ORG/MODEL, or a URL at {min(hosts)}",
            code="invalid_value",
            param="repo",
        )
    words = [unquote(word) for word in parts.path.strip("/").split("/")]
    place = next(
        (at for at, word in enumerate(words) if at > 0 and word in ("resolve", "blob", "tree")), None
    )
    if place is None:
        return Reference(repo=_repo("/".join(words), url))
    repo, kind, rest = "/".join(words[:place]), words[place], words[place + 1 :]
    if not rest or (kind != "tree" and len(rest) < 2):
        raise _wrong(url)
    filename = "/".join(rest[1:]) if kind != "tree" else None
    return Reference(repo=_repo(repo, url), revision=rest[0], filename=filename)


def _repo(repo: str, text: str) -> str:
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise _wrong(text)
    return repo


def _wrong(text: str) -> BadWish:
    return BadWish(
        f"{text[:200]!r} is no repository: write ORG/MODEL, or the URL of a repository or a file of it",
        code="invalid_value",
        param="repo",
    )

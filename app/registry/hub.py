"""Asking a hub what is in a repository, as huggingface.co answers (https://huggingface.co/docs/hub/api)."""

import re
from urllib.parse import quote

import msgspec
import structlog

from corral.app.registry.errors import BadWish, OriginFailed
from corral.app.registry.origin import Origin, OriginAnswer, failure_of
from corral.app.registry.repository import RepoFile, Repository

_MOST_ANSWER_BYTES = 32 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_LOG = structlog.get_logger(__name__)


class _Lfs(msgspec.Struct, frozen=True):
    sha256: str | None = None
    size: int | None = None


class _Sibling(msgspec.Struct, frozen=True):
    rfilename: str
    size: int | None = None
    blobId: str | None = None
    lfs: _Lfs | None = None


class _Info(msgspec.Struct, frozen=True):
    id: str
    sha: str
    siblings: list[_Sibling] = []


class Hub:
    """Stateless, over an origin."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    async def repository(self, repo: str, revision: str) -> Repository:
        """A repository at what a branch or tag means now. Raises BadWish, OriginRefused, OriginFailed."""
        url = (
            f"{self._origin.hub}/api/models/{quote(repo, safe='/')}"
            f"/revision/{quote(revision, safe='')}?blobs=true"
        )
        answer = await self._origin.get(url)
        try:
            if answer.status != 200:
                raise self._refusal(answer, repo, revision)
            data = await answer.read(_MOST_ANSWER_BYTES)
        finally:
            answer.close()
        try:
            info = msgspec.json.decode(data, type=_Info)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _LOG.warning("the hub's answer makes no sense", repo=repo, error=str(error))
            raise OriginFailed(
                f"{answer.host} gave an answer about {repo} that makes no sense; is it a hub?", passing=False
            ) from error
        return Repository(id=info.id, commit=info.sha, files=tuple(map(_file, info.siblings)))

    def _refusal(self, answer: OriginAnswer, repo: str, revision: str) -> Exception:
        code = answer.headers.get("x-error-code", "")
        has_token = self._origin.has_token
        if code == "GatedRepo":
            failed = failure_of(answer, f"model {repo}", has_token=has_token)
            return BadWish(failed.message, code="gated_repository", param="repo")
        if code == "RevisionNotFound":
            return BadWish(
                f"repository {repo} has no revision {revision[:100]!r}",
                code="revision_not_found",
                param="repo",
            )
        if answer.status in (401, 403, 404) or code == "RepoNotFound":
            hint = "" if has_token else "; if it is private, set HF_TOKEN"
            return BadWish(
                f"{answer.host} has no repository {repo}{hint}", code="repository_not_found", param="repo"
            )
        return failure_of(answer, f"repository {repo}", has_token=has_token)


def file_url(hub: str, repo: str, commit: str, path: str) -> str:
    """Where a hub serves a file."""
    return f"{hub}/{quote(repo, safe='/')}/resolve/{quote(commit, safe='')}/{quote(path, safe='/')}"


def _file(sibling: _Sibling) -> RepoFile:
    lfs = sibling.lfs or _Lfs()
    sha256 = _matching(_SHA256, lfs.sha256)
    size = lfs.size if sibling.size is None else sibling.size
    return RepoFile(
        path=sibling.rfilename,
        size_bytes=max(0, size or 0),
        sha256=sha256,
        blob_id=None if sha256 else _matching(_SHA1, sibling.blobId),
    )


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    lower = (text or "").lower()
    return lower if pattern.fullmatch(lower) else None

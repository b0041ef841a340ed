"""A hub on a real socket, which answers as huggingface.co does, and misbehaves as it is told to.

GET  /api/models/REPO[/revision/REVISION]     the repository, with sizes and checksums if `blobs` is asked for
GET  /api/models/REPO/tree/REVISION           its files
HEAD, GET /REPO/resolve/REVISION/PATH         small files themselves, large ones by a redirect to /cdn/SHA256
HEAD, GET /cdn/SHA256                         with Range
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Protocol

from aiohttp import web

from tests.fakes.listening import listening

COMMIT = "c0ffee" + "0" * 34
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_STEP_BYTES = 64 * 1024
_LOOK_S = 0.01


class Content(Protocol):
    """A file's bytes."""

    size_bytes: int
    sha256: str

    def read(self, start: int, end: int) -> bytes: ...


class Held:
    """In memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size_bytes = len(data)
        self.sha256 = sha256(data).hexdigest()

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


@dataclass(kw_only=True)
class Faults:
    """What it does wrong. Each counts down where it is a number: so many answers are like that, then all is well."""

    break_off: int = 0  # answers that end in the middle
    busy: int = 0  # 429, with `retry_after`
    retry_after: str = "0"
    fail: int = 0  # 503
    web_page: bool = False  # 200 with HTML
    no_ranges: bool = False  # 200 with all of it
    lie_length: bool = False  # says and sends one byte more
    lie_sha: bool = False  # the right length, other bytes
    lie_sha_once: int = 0
    short: int = 0  # a byte less than it says
    etag: str | None = None  # of every file, instead of the checksum
    no_checksums: bool = False  # the hub doesn't know any
    expired: int = 0  # 403 of /cdn
    redirect_to: str | None = None  # instead of /cdn
    hold: asyncio.Event | None = None  # bytes after the first step wait for it
    step: Callable[[], None] = lambda: None  # called before each step of bytes


@dataclass(kw_only=True)
class HubServer:
    """Put files into `repos`; look at what was asked in `asked`: method, path, range, authorization."""

    url: str = ""
    repos: dict[str, dict[str, Content]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    token: str = "hf_secret"
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    sent_bytes: int = 0
    limited: bool = False  # the API answers 429
    silent_after: int | None = None  # bytes sent; then answers stand still until it is None

    def add(self, repo: str, **files: bytes) -> None:
        """Files of a repository: `model__gguf` is model.gguf."""
        self.repos.setdefault(repo, {}).update(
            {name.replace("__", "."): Held(data) for name, data in files.items()}
        )

    def put(self, repo: str, path: str, data: bytes) -> None:
        self.repos.setdefault(repo, {})[path] = Held(data)

    # --- the API

    async def info(self, request: web.Request) -> web.Response:
        repo = request.match_info["repo"]
        self._note(request)
        refused = self._refused(request, repo)
        if refused is not None:
            return refused
        if request.match_info.get("revision", "main") not in ("main", COMMIT):
            return _error(404, "RevisionNotFound", "Invalid rev id")
        siblings = [
            self._sibling(path, each, "blobs" in request.query) for path, each in self.repos[repo].items()
        ]
        return web.json_response(
            {
                "_id": "0",
                "id": repo,
                "modelId": repo,
                "sha": COMMIT,
                "private": repo in self.private,
                "gated": "auto" if repo in self.gated else False,
                "disabled": False,
                "downloads": 1,
                "likes": 0,
                "tags": ["gguf"],
                "siblings": siblings,
            }
        )

    def _sibling(self, path: str, content: Content, blobs: bool) -> dict[str, object]:
        if not blobs:
            return {"rfilename": path}
        if self.faults.no_checksums:
            return {"rfilename": path, "size": content.size_bytes}
        entry: dict[str, object] = {
            "rfilename": path,
            "blobId": _blob_id(content),
            "size": content.size_bytes,
        }
        if _is_large(path):
            entry["lfs"] = {"sha256": content.sha256, "size": content.size_bytes, "pointerSize": 135}
        return entry

    async def tree(self, request: web.Request) -> web.Response:
        repo = request.match_info["repo"]
        self._note(request)
        return self._refused(request, repo) or web.json_response(
            [
                {
                    "type": "file",
                    "path": path,
                    "oid": _blob_id(each),
                    "size": each.size_bytes,
                    **(
                        {"lfs": {"oid": each.sha256, "size": each.size_bytes, "pointerSize": 135}}
                        if _is_large(path)
                        else {}
                    ),
                }
                for path, each in self.repos[repo].items()
            ]
        )

    # --- files

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        repo, path = request.match_info["repo"], request.match_info["path"]
        self._note(request)
        refused = self._refused(request, repo)
        if refused is not None:
            return refused
        content = self.repos[repo].get(path)
        if content is None:
            return _error(404, "EntryNotFound", "Entry not found")
        etag = self.faults.etag or (content.sha256 if _is_large(path) else _blob_id(content))
        if not _is_large(path):
            return await self._send(request, content, {"etag": f'"{etag}"', "x-repo-commit": COMMIT})
        place = self.faults.redirect_to or f"{self.url}/cdn"
        linked = {} if self.faults.no_checksums and not self.faults.etag else {"x-linked-etag": f'"{etag}"'}
        return web.Response(
            status=302,
            headers={
                "location": f"{place}/{content.sha256}?X-Amz-Signature=0",
                "x-repo-commit": COMMIT,
                "x-linked-size": str(content.size_bytes),
                "accept-ranges": "bytes",
                **linked,
            },
        )

    async def cdn(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if self.faults.expired:
            self.faults.expired -= 1
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        wanted = request.match_info["sha256"]
        for files in self.repos.values():
            for content in files.values():
                if content.sha256 == wanted:
                    return await self._send(request, content, {"etag": '"of-the-store"'})
        return web.Response(status=404)

    async def _send(
        self, request: web.Request, content: Content, headers: dict[str, str]
    ) -> web.StreamResponse:
        faults = self.faults
        if faults.busy:
            faults.busy -= 1
            return web.Response(status=429, headers={"retry-after": faults.retry_after})
        if faults.fail:
            faults.fail -= 1
            return web.Response(status=503)
        if faults.web_page:
            return web.Response(text="<html>Please sign in</html>", content_type="text/html")
        start, end, status = 0, content.size_bytes, 200
        match = _RANGE.fullmatch(request.headers.get("range", ""))
        if match and not faults.no_ranges:
            start, status = int(match[1]), 206
            end = min(end, int(match[2]) + 1) if match[2] else end
            if start >= content.size_bytes:
                return web.Response(status=416, headers={"content-range": f"bytes */{content.size_bytes}"})
        extra = 1 if faults.lie_length else 0
        if status == 206:
            headers["content-range"] = f"bytes {start}-{end - 1}/{content.size_bytes + extra}"
        response = web.StreamResponse(
            status=status,
            headers={
                **headers,
                "content-type": "binary/octet-stream",
                "content-length": str(end - start + (extra if status == 200 else 0)),
                "accept-ranges": "bytes",
            },
        )
        await response.prepare(request)
        if request.method != "HEAD":
            await self._body(request, response, content, start, end)
        return response

    async def _body(
        self, request: web.Request, response: web.StreamResponse, content: Content, start: int, end: int
    ) -> None:
        faults = self.faults
        stop = end
        if faults.break_off:
            faults.break_off -= 1
            stop = start + (end - start) // 2
        if faults.short:
            faults.short -= 1
            stop = end - 1
        lies = faults.lie_sha
        if faults.lie_sha_once:
            faults.lie_sha_once -= 1
            lies = True
        for at in range(start, stop, _STEP_BYTES):
            if at > start and faults.hold is not None:
                await faults.hold.wait()
            await self._silence()
            faults.step()
            data = content.read(at, min(stop, at + _STEP_BYTES))
            if lies and at > 0:
                data = bytes([data[0] ^ 1]) + data[1:]
            self.sent_bytes += len(data)
            await response.write(data)
        if faults.lie_length:
            await response.write(b"x")
        if stop < end and request.transport is not None:
            request.transport.close()

    # --- parts

    async def _silence(self) -> None:
        """It ends when another thread sets `silent_after`, which can't wake an Event."""
        while self.silent_after is not None and self.sent_bytes >= self.silent_after:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)

    def _note(self, request: web.Request) -> None:
        headers = request.headers
        self.asked.append(
            (request.method, request.path, headers.get("range", ""), headers.get("authorization", ""))
        )

    def _refused(self, request: web.Request, repo: str) -> web.Response | None:
        if self.limited:
            return web.Response(status=429, text="Too Many Requests")
        known = request.headers.get("authorization") == f"Bearer {self.token}"
        if repo not in self.repos or (repo in self.private and not known):
            return _error(401 if not known else 404, "RepoNotFound", "Repository not found")
        if repo in self.gated and not known:
            return _error(401, "GatedRepo", f"Access to model {repo} is restricted.")
        return None


@asynccontextmanager
async def hub_server(*, port: int = 0) -> AsyncIterator[HubServer]:
    """A hub on loopback."""
    hub = HubServer()
    app = web.Application()
    name = r"{repo:[^/]+(?:/(?!resolve/|revision/|tree/)[^/]+)?}"
    app.router.add_get(f"/api/models/{name}/revision/{{revision}}", hub.info)
    app.router.add_get(f"/api/models/{name}/tree/{{revision}}", hub.tree)
    app.router.add_get("/cdn/{sha256}", hub.cdn)
    app.router.add_get(f"/{name}/resolve/{{revision}}/{{path:.+}}", hub.resolve)
    app.router.add_get(f"/api/models/{name}", hub.info)
    async with listening(app, port=port, handler_cancellation=True, shutdown_timeout=0.0) as taken:
        hub.url = f"http://127.0.0.1:{taken}"
        yield hub


def _is_large(path: str) -> bool:
    return path.endswith((".gguf", ".safetensors", "tokenizer.json"))


def _blob_id(content: Content) -> str:
    if isinstance(content, Held):
        return sha1(b"blob %d\0" % content.size_bytes + content.data, usedforsecurity=False).hexdigest()
    return "0" * 40


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response(
        {"error": message}, status=status, headers={"x-error-code": code, "x-error-message": message}
    )

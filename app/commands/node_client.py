"""The running node of this machine, as commands ask it over HTTP with the local token."""

import json
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote

from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.left_out import left_out
from corral.app.paths import DataDir
from corral.app.run_file import RunFile, read_run_files
from corral.app.settings_table import Settings

with left_out("httpx._main"):  # its command line, and with that rich
    import httpx

_CONNECT_S = 5.0
_ANSWER_S = 30.0
_LOAD_S = 600.0
_DONE = "[DONE]"
_KEYS = "/v0/api-keys"


class NodeClient:
    """Every method raises NodeNotRunning, or CommandError with the node's own words."""

    def __init__(self, *, run: RunFile, token: str) -> None:
        self.run = run
        self._http = httpx.Client(
            base_url=run.url,
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=False,  # never through a proxy
            verify=ssl.SSLContext(
                ssl.PROTOCOL_TLS_CLIENT
            ),  # unused; httpx's own holds megabytes of authorities
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The node that runs on the settings' data folder."""
        try:
            running = read_run_files(DataDir(settings.data_dir))
        except PermissionError as error:
            raise CommandError("the node belongs to another user; run this command as that user") from error
        if running is None:
            raise NodeNotRunning
        return cls(run=running.run, token=running.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def health(self) -> dict[str, Any]:
        """What /health says, also when it isn't well."""
        with _readable_errors():
            return _object(self._http.get("/health").content)

    def models(self) -> list[dict[str, Any]]:
        """Every model with what is going on with it."""
        models: list[dict[str, Any]] = self._ask("GET", "/v0/node/models")["models"]
        return models

    def tasks(self) -> list[dict[str, Any]]:
        """The node's long-lived tasks."""
        tasks: list[dict[str, Any]] = self._ask("GET", "/v0/node/tasks")["tasks"]
        return tasks

    def load(self, model: str) -> dict[str, Any]:
        """Load a model; what it uses."""
        answer = self._ask("POST", "/v0/node/models/load", {"model": model}, within_s=_LOAD_S)
        loaded: dict[str, Any] = answer["loaded"]
        return loaded

    def unload(self, model: str) -> None:
        self._ask("POST", "/v0/node/models/unload", {"model": model}, within_s=_LOAD_S)

    def keys(self) -> list[dict[str, Any]]:
        """Every API key, without its text."""
        keys: list[dict[str, Any]] = self._ask("GET", _KEYS)["api_keys"]
        return keys

    def create_key(self, wanted: Mapping[str, object]) -> dict[str, Any]:
        """A new API key with its text in `key`."""
        return self._ask("POST", _KEYS, wanted)

    def update_key(self, id: str, changes: Mapping[str, object]) -> dict[str, Any]:
        """The key as it is now."""
        return self._ask("PUT", f"{_KEYS}/{quote(id, safe='')}", changes)

    def revoke_key(self, id: str) -> None:
        self._ask("DELETE", f"{_KEYS}/{quote(id, safe='')}")

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        within_s: float = _ANSWER_S,
    ) -> dict[str, Any]:
        """The answer of a management route."""
        return self._ask(method, path, body, within_s=within_s)

    def stop(self) -> None:
        """Ask the node to stop; it answers at once."""
        self._ask("POST", "/v0/node/stop")

    def show_window(self) -> bool:
        """Let the dashboard's window come to the front, if the node has one."""
        return bool(self._ask("POST", "/v0/node/window")["shown"])

    def set_paused(self, paused: bool) -> None:
        """Whether the machine works for itself only."""
        self._ask("PUT", "/v0/node/sharing", {"paused": paused})

    def dashboard_url(self) -> str:
        """Where the dashboard opens signed in: once, soon, on this machine."""
        token = self._ask("POST", "/v0/auth/one-time-tokens")["token"]
        return f"{self.run.url}/dashboard#one-time={token}"

    def chat(
        self, model: str, messages: Sequence[Mapping[str, str]]
    ) -> Generator[dict[str, Any], None, None]:
        """The deltas of one streamed answer. Closing the iterator stops it."""
        body = {"model": model, "messages": list(messages), "stream": True}
        timeout = httpx.Timeout(_LOAD_S, connect=_CONNECT_S)
        with (
            _readable_errors(),
            self._http.stream("POST", "/v1/chat/completions", content=_json(body), timeout=timeout) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise _refusal(answer.status_code, answer.read())
            for line in answer.iter_lines():
                data = line.removeprefix("data:").strip()
                if not line.startswith("data:") or data == _DONE:
                    continue
                chunk = _object(data)
                if "error" in chunk:
                    raise _refusal(answer.status_code, data)
                for choice in chunk.get("choices", ()):
                    yield choice["delta"]

    def events(self, *, silent_s: float) -> Generator[tuple[str, dict[str, Any]], None, None]:
        """What happens, as kind and data, until the node ends it; CommandError after a silence of so many seconds."""
        timeout = httpx.Timeout(silent_s, connect=_CONNECT_S)
        with _readable_errors(), self._http.stream("GET", "/v0/events", timeout=timeout) as answer:
            if answer.status_code != httpx.codes.OK:
                raise _refusal(answer.status_code, answer.read())
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind:
                    yield kind, _object(value)
                elif name == "data":  # last words of a stream whose router was lost
                    raise _refusal(answer.status_code, value)
                elif not line:
                    kind = ""

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        within_s: float = _ANSWER_S,
    ) -> dict[str, Any]:
        timeout = httpx.Timeout(within_s, connect=_CONNECT_S)
        content = None if body is None else _json(body)
        with _readable_errors():
            answer = self._http.request(method, path, content=content, timeout=timeout)
        if not answer.is_success:
            raise _refusal(answer.status_code, answer.content)
        return _object(answer.content)


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except httpx.ConnectError as error:
        raise NodeNotRunning from error
    except httpx.TimeoutException as error:
        raise CommandError("the node doesn't answer in time; see its log") from error
    except httpx.TransportError as error:
        raise CommandError(f"the connection to the node broke ({error})") from error


def _json(body: Mapping[str, object]) -> bytes:
    """Bytes that were no text on the command line become question marks."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _object(data: str | bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise CommandError("something that is no Corral node answers on the node's port") from error
    return found


def _refusal(status: int, data: str | bytes) -> CommandError:
    if status == httpx.codes.UNAUTHORIZED:  # ours knows its token, so this is another one that took the port
        return NodeNotRunning()
    error = _object(data).get("error")
    if not isinstance(error, dict):
        return CommandError("the node refused")
    return CommandError(str(error["message"]), code=error.get("code"))

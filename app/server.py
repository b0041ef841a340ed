"""The HTTP server: on one address, or all of both families, started and stopped by hand."""

import asyncio
import errno
import importlib
import logging
import socket
from collections.abc import Callable
from contextlib import suppress

from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from corral.app.http1.handler import Handler, HandlerOf
from corral.app.http1.listener import Listener

KEEP_ALIVE_S = 75.0
MAX_HEAD_BYTES = 64 * 1024
BACKLOG = 1024
GRACE_S = 10.0
_OTHER_PORT = 32800
_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"  # clients of the cluster's name may come over either


class ServerError(Exception):
    """The address can't be listened on; the message says why."""


def _nowhere(_path: str) -> Handler | None:
    return None


class Server:
    """Serves one ASGI app. Not reusable: after `stop`, make another."""

    def __init__(
        self,
        *,
        app: ASGIFramework,
        host: str,
        port: int,
        handler_of: HandlerOf = _nowhere,
        grace_s: float = GRACE_S,
    ) -> None:
        """Port 0 picks a free one. Answers in flight get `grace_s` to finish when the server stops.

        Plain requests for which `handler_of` has somebody don't go to the app.
        """
        self._listener = Listener(app=app, handler_of=handler_of, config=self._config(grace_s))
        self._host = host
        self._wanted_port = port
        self._started = False
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    async def start(self) -> None:
        """Raises ServerError. Returns when connections are possible."""
        listening = [self._listen(self._host, self._wanted_port)]
        self._port = int(listening[0].getsockname()[1])
        if self._host == _ANY_IPV4:
            with suppress(ServerError):  # no IPv6 here, or another program has the port there
                listening.append(self._listen(_ANY_IPV6, self._port))
        self._started = True
        await self._listener.start(listening)

    def _listen(self, host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise ServerError(_why_not(error, host, port)) from error
        # Connections inherit it. asyncio's own loop misses it on such sockets: pieces of answers would wait 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening

    async def stop(self) -> None:
        """Refuse new connections, let answers in flight finish, then cut what is left."""
        if self._started:
            await self._listener.stop()

    @staticmethod
    def _config(grace_s: float) -> Config:
        config = Config()
        config.backlog = BACKLOG
        config.keep_alive_timeout = KEEP_ALIVE_S
        config.keep_alive_max_requests = 1_000_000
        config.h11_max_incomplete_size = MAX_HEAD_BYTES
        config.graceful_timeout = grace_s
        config.include_server_header = False
        config.accesslog = None
        config.errorlog = logging.getLogger("hypercorn.error")
        return config


def _why_not(error: OSError, host: str, port: int) -> str:
    """What to change when an address or port can't be had."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken by another program. End that, or change the setting port: "
            f"`corral serve --port {_OTHER_PORT}`, or CORRAL_PORT={_OTHER_PORT}"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights; change the setting port to one above 1023"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine; change the setting host"
    return f"can't listen on {host} port {port}: {error.strerror or error}"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For asyncio.Runner: uvloop where there is one (not on Windows), else the platform's own."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory

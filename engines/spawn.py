"""Starting a worker process with one socket pair between it and us; the only file that knows how systems differ here.

The child gets its end of the pair with `--socket N` (POSIX: an inherited descriptor) or `--socket stdin` (Windows: the
description that `socket.share` makes, written to its standard input). It never shares anything else with us: its
output goes to a pipe, and when we die in whatever way, its end of the pair reads EOF.

The Windows branches follow the documented API and have not been run; see docs/platforms.md.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

SOCKET_FLAG = "--socket"
_FROM_STDIN = "stdin"
_BUFFER_BYTES = 1024 * 1024  # a busy parent may lag this far behind before a decode step has to wait for it

WORKER_COMMAND = (sys.executable, "-m", "corral.engines.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A started worker: its process, our end of the socket pair, and the pipe of its stdout and stderr."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    output: IO[bytes]


def spawn(command: Sequence[str] = WORKER_COMMAND) -> Spawned:
    """Start `command` as a worker. Blocks for some milliseconds. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        process = _start(command, theirs)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    assert process.stdout is not None  # it was asked for with PIPE
    return Spawned(process=process, socket=ours, output=process.stdout)


def connected_socket(value: str) -> socket.socket:
    """The child's end of the pair, from the value of `--socket`."""
    if sys.platform == "win32":
        if value != _FROM_STDIN:
            raise ValueError(f"{SOCKET_FLAG} must be {_FROM_STDIN!r} here")
        with open(0, "rb") as stdin:  # a windowed program has no sys.stdin
            return socket.fromshare(stdin.read())
    return socket.socket(fileno=int(value))


def _environment() -> dict[str, str]:
    """Ours, with short spinning at OpenMP's barriers: a thread that lost its core must soon get the other one's.

    With GNU OpenMP's own 300,000 turns a decode on two cores fell from about 70 to 2 tokens/s beside other busy processes
    (docs/decisions/0004-short-spinning.md).
    """
    return {"GOMP_SPINCOUNT": "500", **os.environ}


def _start(command: Sequence[str], theirs: socket.socket) -> subprocess.Popen[bytes]:
    if sys.platform == "win32":
        process = subprocess.Popen(
            [*command, SOCKET_FLAG, _FROM_STDIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            creationflags=subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP,
        )
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(theirs.share(process.pid))
        return process
    return subprocess.Popen(
        [*command, SOCKET_FLAG, str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        pass_fds=(theirs.fileno(),),
        start_new_session=True,  # Ctrl-C in our terminal is for us alone
    )

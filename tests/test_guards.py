"""The guards of conftest.py see what they are there for."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from blockbuster import BlockingError

from corral.app.starter import STARTER_MODEL, fetch
from tests import guards

SETTLE_S = 0.05


def fails_with(guard: guards.Guard, message: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=message):
        guard.check()


def test_thread() -> None:
    guard = guards.Guard({"threads": guards.threads_without_pools}, settle_s=SETTLE_S)
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten")
    thread.start()
    fails_with(guard, "threads left over.*forgotten")
    stop.set()
    thread.join()
    guard.check()


def test_child_process() -> None:
    guard = guards.Guard({"processes": guards.child_processes}, settle_s=SETTLE_S)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    fails_with(guard, "processes left over")
    child.communicate(b"\n")
    guard.check()


def test_socket() -> None:
    guard = guards.Guard({"sockets": guards.sockets}, settle_s=SETTLE_S)
    with socket.create_server(("127.0.0.1", 0)):
        fails_with(guard, "sockets left over")
    guard.check()


async def test_task() -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    with pytest.raises(pytest.fail.Exception, match=r"tasks left over.*forgotten"):
        await guards.check_tasks(before, settle_s=SETTLE_S)
    task.cancel()
    await guards.check_tasks(before, settle_s=SETTLE_S)


async def test_blocking_call_of_ours_inside_a_loop(tmp_path: Path) -> None:
    (tmp_path / STARTER_MODEL.name).write_bytes(b"")
    with pytest.raises(BlockingError):
        fetch(STARTER_MODEL, tmp_path, say=lambda _: None, download=sleepy_download)


def sleepy_download(requirement: str, folder: Path) -> Path:
    time.sleep(0.001)
    return folder / requirement

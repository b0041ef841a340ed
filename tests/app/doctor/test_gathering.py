"""Facts as the system tells them: real ports, folders, databases."""

import asyncio
import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from corral.app.doctor.clocks import gather_clock
from corral.app.doctor.database import gather_database
from corral.app.doctor.disks import gather_disks
from corral.app.doctor.examination import examine
from corral.app.doctor.finding import Level
from corral.app.doctor.folders import gather_folders
from corral.app.doctor.ports import gather_ports
from corral.app.paths import DataDir
from corral.app.settings import load_settings
from corral.app.settings_table import Settings
from corral.app.store.database import open_database


def settings(home: Path, **given: object) -> Settings:
    return load_settings(arguments={"data_dir": home, **given}, environ={})


def test_a_taken_port_names_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        [facts] = gather_ports(settings(tmp_path, host="127.0.0.1", port=port, peer_port=0), running_pid=None)
        assert facts.listener is not None and facts.listener.pid == os.getpid()
        assert "py" in facts.listener.name
    [facts] = gather_ports(settings(tmp_path, host="127.0.0.1", port=port, peer_port=0), running_pid=None)
    assert facts.error is None


def test_a_host_that_is_none(tmp_path: Path) -> None:
    found = gather_ports(settings(tmp_path, host="203.0.113.1", port=0, peer_port=1), running_pid=None)
    assert [facts.error for facts in found] != [None]


def test_folders_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    found = gather_folders(
        settings(
            home, log_dir=tmp_path / "file", models_dir="/proc/none", model_folders=[tmp_path / "file" / "x"]
        )
    )
    by_check = {facts.check: facts for facts in found}
    data, logs, models, more = (
        by_check[check] for check in ("data folder", "log folder", "models folder", "more models")
    )
    assert (data.exists, data.own, data.mode, data.writable) == (True, True, 0o755, True)
    assert (logs.exists, logs.is_folder, logs.writable) == (True, False, False)
    assert (models.exists, models.writable) == (False, False)
    assert (more.exists, more.is_folder) == (True, False)
    assert os.listdir(home) == []


def test_one_disk_is_named_once(tmp_path: Path) -> None:
    [facts] = gather_disks(settings(tmp_path / "not" / "there"))
    assert facts.path == tmp_path and facts.free_bytes > 0


async def made_database(path: Path) -> None:
    database = await open_database(path)
    await database.close()


async def test_a_whole_database_and_nothing_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    assert (await asyncio.to_thread(gather_database, path)).exists is False
    await made_database(path)
    before = sorted(os.listdir(tmp_path))
    facts = await asyncio.to_thread(gather_database, path)
    assert (facts.error, facts.version) == (None, facts.known_version)
    assert facts.version > 0 and facts.size_bytes > 0
    assert sorted(os.listdir(tmp_path)) == before


async def test_a_database_in_use(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    database = await open_database(path)
    try:
        await database.execute("CREATE TABLE extra (a)")
        facts = await asyncio.to_thread(gather_database, path)
        assert (facts.error, facts.version) == (None, facts.known_version)
    finally:
        await database.close()


@pytest.mark.parametrize(
    "damage", [b"not a database at all, but quite long" * 50, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_database(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "corral.db"
    path.write_bytes(damage)
    assert gather_database(path).error is not None


def test_a_database_with_a_broken_page(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 100)
        connection.commit()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 3 + 64] = b"\xff" * 64
    path.write_bytes(bytes(content))
    assert gather_database(path).error is not None


def test_a_file_from_the_future(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    path.touch()
    os.utime(path, (2e9, 2e9))
    assert gather_clock(DataDir(tmp_path), tmp_path / "logs", now=1.8e9).newest == 2e9


def test_wrong_settings_do_not_end_the_examination(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('prot = 1\nadmin_password = "x"\n')
    found = list(examine(arguments={"data_dir": str(tmp_path)}, environ={}))
    assert "did you mean 'port'?" in found[0].what and found[0].level is Level.PROBLEM
    assert {finding.check for finding in found} >= {"node", "port", "database", "llama.cpp", "memory"}
    assert not any("failed itself" in finding.what for finding in found)

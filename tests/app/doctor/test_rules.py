"""From facts to findings: every rule of the doctor, as tables."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from corral.app.doctor.clocks import ClockFacts, judge_clock
from corral.app.doctor.configuration import ConfigurationFacts, judge_configuration, unknown_variables
from corral.app.doctor.database import DatabaseFacts, judge_database
from corral.app.doctor.disks import DiskFacts, judge_disks
from corral.app.doctor.engine_build import MachineFacts, judge_machine
from corral.app.doctor.finding import Finding, Level
from corral.app.doctor.folders import FolderFacts, judge_folders
from corral.app.doctor.log_size import LogFacts, judge_logs
from corral.app.doctor.model_files import judge_models
from corral.app.doctor.ports import PortFacts, judge_ports
from corral.app.doctor.running_node import NodeFacts, judge_node
from corral.engines.devices import Gpu, Memory
from corral.engines.listeners import Listener
from corral.engines.llama.build import Build
from corral.engines.model import ModelFile, ModelName

OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM
PATH = Path("/data")


def check(findings: list[Finding], level: Level, says: str) -> None:
    """One finding of that level; anything but ok says what to do."""
    [finding] = findings
    assert finding.level is level
    assert says in f"{finding.what} {finding.remedy}"
    assert bool(finding.remedy) is (level is not OK)


@pytest.mark.parametrize(
    ("error", "listener", "running", "level", "says"),
    [
        (None, None, None, OK, "free"),
        (errno.EADDRINUSE, Listener(pid=7, name="nginx"), None, PROBLEM, "nginx (process 7)"),
        (errno.EADDRINUSE, Listener(pid=7), None, PROBLEM, "a program (process 7)"),
        (errno.EADDRINUSE, Listener(), None, PROBLEM, "another user"),
        (errno.EADDRINUSE, None, None, PROBLEM, "another program"),
        (errno.EADDRINUSE, Listener(pid=7, name="corral"), 7, OK, "running node"),
        (errno.EADDRINUSE, None, 7, OK, "running node"),
        (errno.EADDRINUSE, Listener(pid=8, name="nginx"), 7, PROBLEM, "nginx"),
        (errno.EACCES, None, None, PROBLEM, "above 1023"),
        (errno.EADDRNOTAVAIL, None, None, PROBLEM, "no address of this machine"),
        (errno.ENOBUFS, None, None, PROBLEM, "can't be listened on"),
    ],
)
def test_ports(
    error: int | None, listener: Listener | None, running: int | None, level: Level, says: str
) -> None:
    facts = PortFacts(
        setting="peer_port", host="x", port=80, error=error, listener=listener, running_pid=running
    )
    check(judge_ports([facts]), level, says)


def test_two_settings_with_one_port() -> None:
    facts = PortFacts(setting="port", host="x", port=80)
    found = judge_ports([facts, replace(facts, setting="peer_port")])
    assert [finding.level for finding in found] == [OK, OK, PROBLEM]


FOLDER = FolderFacts(check="data folder", path=PATH, exists=True, writable=True, must_be_private=True)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (FOLDER, OK, "/data"),
        (replace(FOLDER, is_folder=False), PROBLEM, "no folder"),
        (replace(FOLDER, exists=False), OK, "yet"),
        (replace(FOLDER, exists=False, writable=False), PROBLEM, "can't be made"),
        (replace(FOLDER, exists=False, writable=False, must_be_writable=False), WARNING, "doesn't exist"),
        (replace(FOLDER, own=False), PROBLEM, "another user"),
        (replace(FOLDER, own=False, must_be_private=False), OK, "/data"),
        (replace(FOLDER, writable=False), PROBLEM, "can't be written"),
        (replace(FOLDER, writable=False, must_be_writable=False), OK, "/data"),
        (replace(FOLDER, mode=0o755), WARNING, "chmod 700"),
        (replace(FOLDER, mode=0o755, must_be_private=False), OK, "/data"),
    ],
)
def test_folders(facts: FolderFacts, level: Level, says: str) -> None:
    check(judge_folders([facts]), level, says)


@pytest.mark.parametrize(
    ("free", "level"),
    [(5_000_000_000, OK), (4_999_999_999, WARNING), (500_000_000, WARNING), (499_999_999, PROBLEM)],
)
def test_disks(free: int, level: Level) -> None:
    check(judge_disks([DiskFacts(path=PATH, free_bytes=free)]), level, "free at /data")


DATABASE = DatabaseFacts(path=PATH, exists=True, known_version=3, version=3, size_bytes=1000)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (DATABASE, OK, "whole, version 3, 1 kB"),
        (replace(DATABASE, exists=False), OK, "first start"),
        (replace(DATABASE, version=2), OK, "next start"),
        (replace(DATABASE, version=4), PROBLEM, "newer Corral"),
        (replace(DATABASE, error="file is not a database"), PROBLEM, "not a database"),
    ],
)
def test_database(facts: DatabaseFacts, level: Level, says: str) -> None:
    check(judge_database(facts), level, says)


SETTINGS = ConfigurationFacts(
    file=PATH, mode=0o600, text="port = 1", error=None, notices=(), unknown_variables=()
)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (SETTINGS, OK, "/data"),
        (replace(SETTINGS, text=""), OK, "no config.toml"),
        (replace(SETTINGS, error="config.toml has an unknown setting"), PROBLEM, "unknown setting"),
        (replace(SETTINGS, notices=("X is deprecated",)), WARNING, "X is deprecated"),
        (replace(SETTINGS, unknown_variables=("CORRAL_PROT",)), WARNING, "CORRAL_PORT"),
        (replace(SETTINGS, unknown_variables=("CORRAL_QZQZQ",)), WARNING, "Unset it"),
        (replace(SETTINGS, mode=0o644), OK, "/data"),
        (replace(SETTINGS, mode=0o644, text="admin_password = 'x'"), WARNING, "chmod 600"),
        (replace(SETTINGS, mode=None, text="admin_password = 'x'"), OK, "/data"),
    ],
)
def test_configuration(facts: ConfigurationFacts, level: Level, says: str) -> None:
    check(judge_configuration(facts), level, says)


def test_variables_that_are_no_settings() -> None:
    environ = {"CORRAL_PORT": "1", "CORRAL_PROT": "1", "CORRAL_API_KEY": "x", "PATH": "", "LLMLB_PORT": "1"}
    assert unknown_variables(environ) == ("CORRAL_PROT",)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (ClockFacts(now=1.8e9), OK, ""),
        (ClockFacts(now=1.8e9, newest=1.7e9), OK, ""),
        (ClockFacts(now=1.8e9, newest=1.8e9 + 59), OK, ""),
        (ClockFacts(now=1.8e9, newest=1.8e9 + 7200), WARNING, "2 h in the future"),
        (ClockFacts(now=1e9, newest=1.8e9), PROBLEM, "years behind"),
    ],
)
def test_clock(facts: ClockFacts, level: Level, says: str) -> None:
    check(judge_clock(facts), level, says)


HEALTH = {"status": "ok", "version": "1.0"}
NODE = NodeFacts(locked=True, own_version="1.0", url="http://x", pid=7, health=HEALTH)


@pytest.mark.parametrize(
    ("facts", "level", "says"),
    [
        (NODE, OK, "http://x"),
        (NodeFacts(locked=False, own_version="1.0"), OK, "none"),
        (NodeFacts(locked=True, own_version="1.0"), PROBLEM, "no node answers"),
        (NodeFacts(locked=True, own_version="1.0", error="it doesn't answer in time"), PROBLEM, "in time"),
        (replace(NODE, own_version="1.1"), WARNING, "is version 1.0, this program 1.1"),
        (replace(NODE, health={**HEALTH, "status": "draining"}), WARNING, "draining"),
    ],
)
def test_node(facts: NodeFacts, level: Level, says: str) -> None:
    check(judge_node(facts), level, says)


def test_tasks_that_fail() -> None:
    task = {"name": "purge", "failures": 2, "last_error": "OSError"}
    found = judge_node(replace(NODE, tasks=[{**task, "failures": 0}, task]))
    assert [finding.level for finding in found] == [OK, WARNING]


@pytest.mark.parametrize(("size", "level"), [(100, OK), (120, OK), (121, WARNING)])
def test_logs(size: int, level: Level) -> None:
    check(judge_logs(LogFacts(files=2, size_bytes=size, max_bytes=100)), level, "2 files")


def model(name: str, error: str | None = None) -> ModelFile:
    return ModelFile(
        name=ModelName(name), paths=(Path(f"/m/{name}.gguf"),), size_bytes=1, modified_at=0, error=error
    )


@pytest.mark.parametrize(
    ("models", "level", "says"),
    [
        ([], WARNING, "no model"),
        ([model("b"), model("a")], OK, "2 whole: a, b"),
        ([model("a"), model("b", "incomplete: 1 of 2 bytes")], PROBLEM, "/m/b.gguf: incomplete"),
    ],
)
def test_models(models: list[ModelFile], level: Level, says: str) -> None:
    check(judge_models(models), level, says)


GPU = Gpu(index=0, name="H200", total_bytes=10**11, free_bytes=10**11, driver="570", bus_id="0000:01:00.0")
BUILD = Build(version="0.3", features=frozenset({"AVX2", "LLAMAFILE"}), backends=frozenset({"CPU"}))
MACHINE = MachineFacts(
    build=BUILD, features=frozenset({"AVX2"}), memory=Memory(total_bytes=10**10, available_bytes=10**10)
)
CUDA_BUILD = structs.replace(BUILD, backends=frozenset({"CPU", "CUDA"}))
GPU_BUILD = structs.replace(CUDA_BUILD, cards=(replace(GPU, driver=""),))
METAL = Gpu(index=0, name="Apple M4", total_bytes=10**10, free_bytes=10**10, shares_main_memory=True)
METAL_BUILD = structs.replace(BUILD, backends=frozenset({"CPU", "MTL"}), cards=(METAL,))
NO_MEMORY = Memory(total_bytes=10**10, available_bytes=10**8)


@pytest.mark.parametrize(
    ("facts", "levels", "says"),
    [
        (MACHINE, [OK, OK, OK], "0.3, with AVX2"),
        (replace(MACHINE, features=frozenset({"AVX2", "AVX512", "FMA"})), [WARNING, OK, OK], "AVX512, FMA"),
        (replace(MACHINE, features=frozenset()), [OK, OK, OK], "0.3"),
        (replace(MACHINE, build=None, failure="no libgomp"), [PROBLEM, OK, OK], "no libgomp"),
        (replace(MACHINE, build=None, wrong_processor=True), [PROBLEM, OK, OK], "another processor"),
        (replace(MACHINE, gpus=(GPU,)), [OK, WARNING, OK], "GGML_CUDA=on"),
        (replace(MACHINE, gpus=(GPU,), vendors=frozenset({"NVIDIA"})), [OK, WARNING, OK], "H200 (100 GB"),
        (replace(MACHINE, gpus=(GPU,), build=GPU_BUILD), [OK, OK, OK], "H200 (100 GB, driver 570)"),
        (replace(MACHINE, vendors=frozenset({"NVIDIA"})), [OK, WARNING, OK], "driver doesn't answer"),
        (replace(MACHINE, vendors=frozenset({"AMD"})), [OK, WARNING, OK], "GGML_HIP=on"),
        (replace(MACHINE, vendors=frozenset({"Intel"})), [OK, OK, OK], "none"),
        (replace(MACHINE, gpus=(GPU,), build=CUDA_BUILD), [OK, WARNING, OK], "built for CUDA, but finds no"),
        (replace(MACHINE, build=CUDA_BUILD), [OK, OK, OK], "none"),
        (replace(MACHINE, build=METAL_BUILD), [OK, OK, OK], "Apple M4 (10.0 GB)"),
        (replace(MACHINE, memory=NO_MEMORY), [OK, OK, WARNING], "100 MB of 10.0 GB"),
    ],
)
def test_machine(facts: MachineFacts, levels: list[Level], says: str) -> None:
    found = judge_machine(facts)
    assert [finding.level for finding in found] == levels
    assert any(says in f"{finding.what} {finding.remedy}" for finding in found)

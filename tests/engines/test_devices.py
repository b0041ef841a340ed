"""What the machine has, and what its control group leaves of it."""

from pathlib import Path

import psutil
import pytest

from corral.engines.devices import Gpu, physical_cores, read_devices, read_memory

MIB = 2**20
STAT = f"anon 1\ninactive_file {10 * MIB}\nactive_file 7\n"


def group(folder: Path, own: str, files: dict[str, dict[str, str]]) -> dict[str, Path]:
    """A made-up /proc/self/cgroup and /sys/fs/cgroup."""
    cgroups = folder / "cgroup"
    for name, contents in files.items():
        (cgroups / name).mkdir(parents=True, exist_ok=True)
        for file, text in contents.items():
            (cgroups / name / file).write_text(text)
    (folder / "own").write_text(own)
    return {"own": folder / "own", "cgroups": cgroups}


def limited(limit: int | str, used: int) -> dict[str, str]:
    return {"memory.max": f"{limit}\n", "memory.current": f"{used}\n", "memory.stat": STAT}


VERSION_1 = {
    "memory.limit_in_bytes": f"{100 * MIB}\n",
    "memory.usage_in_bytes": f"{60 * MIB}\n",
    "memory.stat": STAT,
}


@pytest.mark.parametrize(
    ("own", "files", "total", "available"),
    [
        ("0::/a/b\n", {"a/b": limited(100 * MIB, 60 * MIB)}, 100, 50),
        ("0::/a/b\n", {"a/b": limited("max", 60 * MIB), "a": limited(200 * MIB, 20 * MIB)}, 200, 190),
        ("0::/a/b\n", {"a/b": limited(100 * MIB, 20 * MIB), "a": limited(200 * MIB, 190 * MIB)}, 100, 20),
        ("0::/\n", {".": limited(100 * MIB, 200 * MIB)}, 100, 0),
        ("5:cpu:/c\n4:memory:/docker/x\n", {"memory/docker/x": VERSION_1}, 100, 50),
    ],
)
def test_limits_of_the_control_group_count(
    tmp_path: Path, own: str, files: dict[str, dict[str, str]], total: int, available: int
) -> None:
    memory = read_memory(**group(tmp_path, own, files))
    assert (memory.total_bytes, memory.available_bytes) == (total * MIB, available * MIB)


def test_without_limits_the_machine_counts(tmp_path: Path) -> None:
    memory = read_memory(**group(tmp_path, "0::/a\n", {"a": limited("max", 5)}))
    assert memory.total_bytes == psutil.virtual_memory().total
    assert read_memory(own=tmp_path / "none", cgroups=tmp_path).total_bytes == memory.total_bytes


@pytest.mark.parametrize(("quota", "cores"), [("50000 100000\n", 1), ("100000 100000\n", 1)])
def test_a_share_of_the_processor_is_fewer_cores(tmp_path: Path, quota: str, cores: int) -> None:
    assert physical_cores(**group(tmp_path, "0::/a\n", {"a": {"cpu.max": quota}})) == cores


def test_no_share_is_all_cores(tmp_path: Path) -> None:
    free = physical_cores(own=tmp_path / "none", cgroups=tmp_path)
    assert physical_cores(**group(tmp_path, "0::/a\n", {"a": {"cpu.max": "max 100000\n"}})) == free >= 1


def test_this_machine_can_be_read() -> None:
    devices = read_devices()
    assert devices.cores >= 1
    assert 0 < devices.memory.available_bytes <= devices.memory.total_bytes
    assert devices.gpus == ()


def test_cards_that_share_main_memory_add_none() -> None:
    own = Gpu(index=0, name="own", total_bytes=9, free_bytes=8)
    shared = Gpu(index=1, name="shared", total_bytes=7, free_bytes=6, shares_main_memory=True)
    devices = read_devices(lambda: (own, own, shared))
    assert (devices.gpu_total_bytes, devices.gpu_free_bytes) == (18, 16)

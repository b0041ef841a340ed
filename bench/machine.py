"""What the benchmarks ran on, in words."""

import platform
from importlib import metadata
from pathlib import Path

import psutil


def described(*packages: str) -> list[str]:
    """Lines for a report: processor, memory, system, versions."""
    cores = psutil.cpu_count(logical=False)
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    return [
        f"Processor: {_processor()}, {cores} cores, {psutil.cpu_count()} threads; {memory:.0f} GiB of memory",
        f"System: {_system()}, Python {platform.python_version()}",
        f"Packages: {versions}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

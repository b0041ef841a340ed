"""Whether there is room on the disks."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.app.commands.screen import size
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.settings_table import Settings

LOW_BYTES = 5_000_000_000
EMPTY_BYTES = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFacts:
    """The disk below a folder."""

    path: Path
    free_bytes: int


def gather_disks(settings: Settings) -> list[DiskFacts]:
    """The disks of data, logs and models, each once."""
    return list(_disks((settings.data_dir, settings.log_dir, settings.models_dir)))


def judge_disks(disks: Sequence[DiskFacts]) -> list[Finding]:
    """One finding for each disk."""
    return [_judge(facts) for facts in disks]


def _disks(folders: Iterable[Path]) -> Iterable[DiskFacts]:
    seen = set()
    for folder in folders:
        there = next(path for path in (folder, *folder.parents) if path.is_dir())
        device = there.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield DiskFacts(path=there, free_bytes=shutil.disk_usage(there).free)


def _judge(facts: DiskFacts) -> Finding:
    what = f"{size(facts.free_bytes)} are free at {facts.path}"
    if facts.free_bytes < EMPTY_BYTES:
        return problem("disk", what, "Make room: Corral keeps its database and models there.")
    if facts.free_bytes < LOW_BYTES:
        return warning("disk", what, "Make room before you add models.")
    return ok("disk", what)

"""The battery of this machine."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """How full it is, and whether the machine runs on it."""

    percent: int
    in_use: bool


def read_battery() -> Battery | None:
    """None: there is none, or the system doesn't say. Blocks for a moment."""
    read = getattr(psutil, "sensors_battery", None)  # not on every system
    found = None if read is None else read()
    if found is None:
        return None
    percent = min(100, max(0, round(found.percent)))
    return Battery(percent=percent, in_use=found.power_plugged is False)

"""How much this machine should be the router."""

from corral.engines.battery import Battery, read_battery
from corral.peers.election.elector import Preference

ALWAYS_ON, ON_BATTERY = 100, 10
_USUAL = 50


def preference_of(setting: str) -> Preference:
    """The preference from the setting `router` and the machine's battery, if it has one. Blocks for a moment."""
    return preference(setting, read_battery())


def preference(setting: str, battery: Battery | None) -> Preference:
    """Pure: `auto`, `prefer` or `never`, and what is known of the battery."""
    prio = ALWAYS_ON
    if battery is not None:
        prio = ON_BATTERY if battery.in_use else _USUAL
    return Preference(prio=prio, pinned=setting == "prefer", eligible=setting != "never")

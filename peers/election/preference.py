"""How much a machine should be the router."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Always-on machines have prio 100, others 50, laptops on battery 10."""

    prio: int = 50
    pinned: bool = False  # prefer this machine
    eligible: bool = True  # False: never router

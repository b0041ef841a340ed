"""Which machine should get a model, and whether any can run it. Pure."""

from collections.abc import Sequence

from corral.app.model_copy.second_copy import Site
from corral.peers.ids import NodeId

MEMORY_FACTOR = 1.5  # of a model's size is what it needs


def best_first(sites: Sequence[Site], size_bytes: int) -> list[NodeId]:
    """Those with room in memory first, of equals those that are idle, then the one with most that is free."""
    needed_bytes = MEMORY_FACTOR * size_bytes
    ordered = sorted(
        sites, key=lambda site: (site.free_bytes < needed_bytes, not site.idle, -site.free_bytes)
    )
    return [site.node for site in ordered]


def memory_warning(size_bytes: int, memories: Sequence[int]) -> str | None:
    """`memories`: what each machine has in all; 0 while it isn't known."""
    needed_bytes, most_bytes = MEMORY_FACTOR * size_bytes, max(memories, default=0)
    if not most_bytes or most_bytes >= needed_bytes:
        return None
    return (
        f"no machine has the memory for it: it needs about {needed_bytes / 1e9:.1f} GB, "
        f"the largest one has {most_bytes / 1e9:.1f} GB"
    )

"""What the next decode step computes: the pure core of continuous batching with chunked prefill.

Every step carries one token for each sequence that generates, then prompt tokens up to a budget. The budget shrinks
while others generate, so that a long prompt lengthens their gap between tokens only to about TARGET_GAP_S.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TARGET_GAP_S = 0.25  # how long a step with prompt tokens may take while other sequences generate
CHUNK = 64  # prompt tokens are read in pieces of at least this many; see `passes`
LEAST_PREFILL = CHUNK  # tokens per step that prompts get in any case, so that each one advances


@dataclass(frozen=True, slots=True)
class Demand:
    """A running sequence: how many of its known tokens are not evaluated yet, oldest sequence first in the list."""

    key: int
    pending: int  # 1 for a sequence that generates
    generating: bool
    chunk_limit: int | None = (
        None  # most prompt tokens per step, for a sequence that needs every token's logits
    )


@dataclass(frozen=True, slots=True)
class Share:
    """Evaluate the next `count` tokens of sequence `key`; `complete`: these are all it has, so it can be sampled."""

    key: int
    count: int
    complete: bool


def prefill_budget(*, batch_tokens: int, generating: int, tokens_per_s: float) -> int:
    """How many prompt tokens this step may carry, given the measured prompt reading speed (0: not measured)."""
    room = batch_tokens - generating
    if generating == 0 or tokens_per_s <= 0:
        return max(0, room)
    return max(0, min(room, max(LEAST_PREFILL, int(TARGET_GAP_S * tokens_per_s))))


def least_batch_tokens(sequences: int) -> int:
    """The smallest batch in which every sequence can generate and a prompt still advances."""
    return sequences + 2 * CHUNK


def plan_step(demands: Sequence[Demand], *, batch_tokens: int, budget: int) -> list[Share]:
    """Deal one step's tokens out.

    Prompts get the budget oldest first, but while others wait the first takes at most half of what is left:
    a short prompt behind a very long one starts at once, and the oldest is never starved. The budget may be
    exceeded by less than one chunk, so that no small rest of a prompt is left over. `batch_tokens` has to be at least
    two chunks more than there are sequences (`least_batch_tokens`).
    """
    shares = [Share(d.key, 1, True) for d in demands if d.generating][:batch_tokens]
    prompts = [d for d in demands if not d.generating]
    room = batch_tokens - len(shares)
    left = min(budget, room)
    for place, demand in enumerate(prompts):
        if left <= 0:
            break
        others = place + 1 < len(prompts)
        wanted = (left + 1) // 2 if others and demand.pending > left // 2 else left
        count = _piece(demand, min(wanted, room))
        if count > room:
            break
        shares.append(Share(demand.key, count, count == demand.pending))
        left -= count
        room -= count
    return shares


def _piece(demand: Demand, wanted: int) -> int:
    """How many of a prompt's tokens to read: about `wanted`, in whole chunks, with no rest below a chunk."""
    if demand.chunk_limit is not None:
        return min(demand.pending, demand.chunk_limit)
    if demand.pending <= wanted or demand.pending < 2 * CHUNK:
        return demand.pending
    count = max(CHUNK, wanted // CHUNK * CHUNK)
    return count - CHUNK if demand.pending - count < CHUNK and count > CHUNK else count


def passes(shares: Sequence[Share], *, unified: bool) -> list[list[Share]]:
    """Which shares are evaluated together.

    A shared cache evaluates everything at once. With streams, llama.cpp cuts a batch into pieces of equal length per
    sequence, and its CPU attention rounds differently for pieces of 64 rows and more; so that an answer doesn't depend
    on its neighbours, each piece that long goes alone, and everything shorter together.
    """
    if unified:
        return [list(shares)]
    short = [share for share in shares if share.count < CHUNK]
    return [group for group in [short, *([share] for share in shares if share.count >= CHUNK)] if group]

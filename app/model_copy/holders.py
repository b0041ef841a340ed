"""Which machines have a model, as each says of itself, and which content of it is meant. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.model_copy.manifest import ModelSum, is_model_sum
from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A machine that can serve a model. `id` is empty while its content isn't known."""

    node: NodeId
    model: str  # as the machine lists it
    id: str
    size_bytes: int
    quantization: str
    broken: bool = False


def meant(holders: Sequence[Holder]) -> Holder | None:
    """One with the content that most machines have, of equals the one named first; None: nobody knows its content."""
    able = [each for each in holders if not each.broken and is_model_sum(each.id)]
    votes = Counter(ModelSum(each.id) for each in able)
    return max(able, key=lambda each: votes[ModelSum(each.id)], default=None)

"""Quantisations as file names say them, and which file a policy picks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from corral.engines.model_names import parse

LABELS = (  # in the order in which they are looked for in a name
    *("BF16", "F32", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_0", "MXFP4"),
    *("Q3_K_M", "Q3_K_S", "Q2_K", "IQ4_XS", "IQ3_M", "IQ2_M"),
)
BEST_FIRST = ("F32", *(label for label in LABELS if label != "F32"))
_FAST = frozenset(BEST_FIRST[: BEST_FIRST.index("MXFP4") + 1])


class Policy(StrEnum):
    """How to pick one of several quantisations."""

    QUALITY = "quality"  # the most exact one
    MEMORY = "memory"  # the smallest one
    SPEED = "speed"  # the smallest one of those that are quick to compute with


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model in one quantisation: a file, or all parts of a split one."""

    name: str  # path in the repository, of the first part
    size_bytes: int

    @property
    def label(self) -> str | None:
        return label_of(self.name)

    @property
    def quantization(self) -> str:
        """As models are listed with it; empty: the name doesn't say it."""
        return parse(Path(self.name)).quantization or self.label or ""


def label_of(path: str) -> str | None:
    """The first of LABELS that occurs in the file's name, whatever the case of its letters."""
    name = Path(path).name.upper()
    return next((label for label in LABELS if label in name), None)


def picked(variants: Sequence[Variant], policy: Policy) -> Variant:
    """Of at least one."""
    if policy is Policy.QUALITY:
        return min(variants, key=lambda each: (_rank(each), -each.size_bytes, each.name))
    fast = [each for each in variants if each.label in _FAST] if policy is Policy.SPEED else []
    return min(fast or variants, key=lambda each: (each.size_bytes, each.name))


def _rank(variant: Variant) -> int:
    return len(BEST_FIRST) if variant.label is None else BEST_FIRST.index(variant.label)

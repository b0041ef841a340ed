"""What this node has seen of endpoints, its own models among them: how fast, how reliable, which prompts."""

from dataclasses import dataclass, field

from corral.app.gateway.failures import Failures
from corral.app.gateway.paces import Paces
from corral.app.gateway.prefixes import PrefixMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """In memory only; a new router learns the paces and prefixes from what its peers report."""

    paces: Paces = field(default_factory=Paces)
    failures: Failures = field(default_factory=Failures)
    prefixes: PrefixMemory = field(default_factory=PrefixMemory)

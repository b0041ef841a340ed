"""Which endpoint is thought to keep which beginnings of prompts in its KV cache. Pure."""

from collections import OrderedDict

from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.app.gateway.fingerprints import Fingerprints
from corral.app.gateway.kept import NOTHING_EXPECTED, Expected, Kept

MOST_PER_PLACE = 512
_MOST_PLACES = 1024
_MOST_HOLDERS = 64 * 1024
_NOTHING_KEPT = Kept()


class PrefixMemory:
    """Of each model at each endpoint."""

    def __init__(self) -> None:
        self._places: OrderedDict[PlaceId, Kept] = OrderedDict()
        self._holders: OrderedDict[bytes, EndpointId] = OrderedDict()

    def note(
        self, place: PlaceId, prompt: Fingerprints, *, now: float, most: int = MOST_PER_PLACE
    ) -> Expected:
        """A prompt was sent there, where beginnings of at most about so many fingerprints are kept."""
        if not prompt:
            return NOTHING_EXPECTED
        kept = self._places.setdefault(place, Kept())
        self._places.move_to_end(place)
        if len(self._places) > _MOST_PLACES:
            self._places.popitem(last=False)
        for each in prompt.prints:
            self._holders[each] = place[0]
            self._holders.move_to_end(each)
        while len(self._holders) > _MOST_HOLDERS:
            self._holders.popitem(last=False)
        return kept.note(prompt, now=now, most=most)

    def found(self, place: PlaceId, prompt: Fingerprints, expected: Expected, share: float) -> None:
        """Its answer said that this share of the prompt was in the cache."""
        kept = self._places.get(place)
        if kept is not None:
            kept.found(prompt, expected, share)

    def holder(self, prompt: Fingerprints) -> EndpointId | None:
        """Where the longest known beginning of a prompt was sent last."""
        found = (self._holders.get(each) for each in reversed(prompt.prints))
        return next((each for each in found if each is not None), None)

    def at(self, place: PlaceId) -> Kept:
        """What is thought to be kept there."""
        return self._places.get(place, _NOTHING_KEPT)

    def newest(self, place: PlaceId, most: int, *, since: float = float("-inf")) -> tuple[bytes, ...]:
        """Those noted after `since`, newest first."""
        return self.at(place).newest(most, since=since)

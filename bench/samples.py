"""Samples of measures, round by round."""

from collections import defaultdict

from bench.report import Row


class Samples:
    """What was measured, by measure and server, in the order of the first sample."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, bool], dict[str, list[float]]] = {}

    def add(
        self, server: str, measure: str, unit: str, value: float, *, more_is_better: bool = False
    ) -> None:
        """Keep one sample; the n-th of each server is compared with the n-th of the others."""
        by_server = self._values.setdefault((measure, unit, more_is_better), defaultdict(list))
        by_server[server].append(value)

    def rows(self) -> list[Row]:
        """Everything that was measured."""
        return [
            Row(measure=measure, unit=unit, more_is_better=more_is_better, samples=by_server)
            for (measure, unit, more_is_better), by_server in self._values.items()
        ]

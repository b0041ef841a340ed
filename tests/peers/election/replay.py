"""Shows one random history: `python -m tests.peers.election.replay SEED`."""

import sys

from tests.peers.election.history import History
from tests.peers.election.simulated_node import Broken, SimulatedNode


class Watcher:
    """Says what each node believes whenever that changes."""

    def __init__(self, history: History) -> None:
        self._net = history.net
        self._told: dict[tuple[str, int], int] = {}
        history.net.on_step = self.look

    def look(self, node: SimulatedNode) -> None:
        """A node took a step, or was started, stopped, frozen or woken."""
        if not node.runs:
            print(f"{self._net.now:8.3f} {node.id} {'sleeps' if node.asleep else 'is off'}")
            return
        changes = self._net.elector(node).changes
        for change in changes[self._told.get((node.id, node.boots), 0) :]:
            claim = f"{change.claim.router} in term {change.claim.term}" if change.claim else "nobody"
            print(f"{self._net.now:8.3f} {node.id} follows {claim}: {change.reason}")
        self._told[node.id, node.boots] = len(changes)


def main() -> None:
    """Run the history of the seed on the command line."""
    history = History(int(sys.argv[1]))
    net = history.net
    print(f"{history.kind.__name__}: {len(history.all)} nodes, loss {net.loss}, delay {net.delay[1]} s")
    Watcher(history)
    try:
        history.run()
    except Broken as broken:
        print(broken)
    for node in history.all:
        print(node.id, node.preference, node.elector.state if node.elector else "off")


if __name__ == "__main__":
    main()

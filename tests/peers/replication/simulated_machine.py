"""A machine of the simulation: its disk, its clock and its replica."""

from dataclasses import dataclass, field

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.cell import RULES, Cell, CellKey, size
from corral.peers.replication.clock import DAY_MS, Stamp, stamp_ms
from corral.peers.replication.memory_storage import MemoryStorage
from corral.peers.replication.receipt import Receipt
from corral.peers.replication.replica import Replica

START_MS = 1_800_000_000_000  # when histories begin


@dataclass(slots=True)
class Machine:
    """One simulated machine."""

    id: NodeId
    storage: MemoryStorage
    replica: Replica
    up: bool = True
    skew_ms: int = 0
    jumped: bool = False  # its clock was days off
    outvoted: bool = False  # those of most machines that it heard may have been
    boots: int = 0
    side: int = 0  # machines of different sides can't reach each other
    heard_s: dict[NodeId, float] = field(default_factory=dict)
    revoked: set[CellKey] = field(default_factory=set)  # seen here since the disk last lost something

    @property
    def digest(self) -> str:
        """That of its disk."""
        return digest.of_all(self.storage.digests())

    def cells(self) -> list[Cell]:
        """Everything on its disk, in order."""
        return sorted(self.storage.stamped_from(Stamp("")), key=lambda cell: cell.key)

    def revocations(self) -> set[CellKey]:
        """Which keys don't work here."""
        cells = self.storage.table("api_keys")
        return {cell.key for cell in cells if cell.column == "revoked_at" and size(cell.value) > 0}

    def holds(self, write: "Write") -> bool:
        """Whether it has the write, or what rightly replaced it."""
        return all(self._has(cell) for cell in write.cells)

    def _has(self, cell: Cell) -> bool:
        here = self.storage.get(cell.key)
        return here is not None and (here == cell or RULES.wins(here, cell))


@dataclass(slots=True)
class Write:
    """A local write, and whether some machine has held it all the time since."""

    machine: Machine
    receipt: Receipt
    cells: list[Cell]
    held: bool = True
    others_lost: bool = False  # another machine's disk lost something since


def is_ahead(stamp: Stamp) -> bool:
    """Whether a clock made it that was days ahead."""
    return stamp_ms(stamp) > START_MS + DAY_MS // 2

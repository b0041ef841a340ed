"""A cluster of one host and the machines that want to join it, with a clock and dice of our own."""

import random
from collections.abc import Callable
from pathlib import Path

from corral.peers.address import Address
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing.code_desk import Reckoning
from corral.peers.pairing.desk import Admission
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.host import PairingHost
from corral.peers.pairing.messages import Answer, decode_request, encode, refusal_of
from corral.peers.pairing.newcomer import Newcomer
from corral.peers.pairing.roster import Roster, roster_of
from corral.peers.pairing.token import Token, TokenRow, new_token
from corral.peers.replication.projection import Row

CLUSTER = ClusterId("0123456789abcdef" * 2)
NOW = 1_700_000_000.0
ADDRESS = "192.168.1.20"

Change = Callable[[bytes], bytes]


def identity(folder: Path, name: str) -> Identity:
    """A machine with a key of its own."""
    (folder / name).mkdir(exist_ok=True)
    return load_identity(folder / name)


class Cluster:
    """A router that stores at once whatever it is told to."""

    def __init__(self, identity: Identity, *, seed: int = 1) -> None:
        self.identity = identity
        self.now = NOW
        self.dice = random.Random(seed)
        self.rows: dict[str, Row] = {}
        self.tokens: dict[str, TokenRow] = {}
        self.admissions: list[Admission] = []
        self.host = self.new_host()

    def new_host(self) -> PairingHost:
        """Another member takes over with the same tables and nothing else."""
        self.host = PairingHost(
            identity=self.identity,
            cluster=CLUSTER,
            cluster_name=lambda: "home",
            roster=self.roster,
            tokens=self.tokens.get,
            addresses=lambda: [Address("192.168.1.2", 32769)],
            random=self.dice.randbytes,
        )
        return self.host

    def roster(self) -> Roster:
        """Who belongs."""
        return roster_of(self.rows.values())

    def store(self, admission: Admission) -> Answer:
        """Let a machine in."""
        if not admission.known:
            self.admissions.append(admission)
            self.rows[admission.node] = Row(admission.node, admission.columns(now=self.now))
        return self.host.admitted(admission)

    def revoke(self, node: NodeId) -> None:
        """Remove a member."""
        self.rows[node] = Row(node, {**self.rows[node].values, "revoked_at": self.now})

    def invite(self, *, uses: int = 1, hours: float = 1.0) -> Token:
        """A token whose row is stored."""
        token, row = new_token(
            cluster=CLUSTER,
            maker=self.identity.node,
            hints=(),
            uses=uses,
            hours=hours,
            by="ann",
            now=self.now,
            random=self.dice.randbytes,
        )
        self.tokens[row.id] = row
        return token

    def post(self, body: bytes, *, client: str = ADDRESS) -> bytes:
        """What the HTTP adapter does."""
        try:
            outcome = self.host.handle(decode_request(body), client=client, now=self.now)
            if isinstance(outcome, Reckoning):
                outcome = self.host.resume(outcome, outcome.reckon(), now=self.now)
            return encode(self.store(outcome) if isinstance(outcome, Admission) else outcome)
        except PairingError as error:
            return encode(refusal_of(error))


class Wire:
    """Between a newcomer and a cluster: keeps every message and may change one of them."""

    def __init__(self, cluster: Cluster, *, client: str = ADDRESS) -> None:
        self.cluster = cluster
        self.client = client
        self.messages: list[bytes] = []
        self.changes: dict[int, Change] = {}

    def step(self, newcomer: Newcomer) -> bool:
        """One letter and its answer; whether there was one. Raises PairingError."""
        letter = newcomer.next()
        if letter is None:
            return False
        newcomer.take(self._carry(self.cluster.post(self._carry(letter.body), client=self.client)))
        return True

    def run(self, newcomer: Newcomer) -> None:
        """To the end."""
        while self.step(newcomer):
            pass

    def _carry(self, body: bytes) -> bytes:
        change = self.changes.get(len(self.messages))
        self.messages.append(body)
        return body if change is None else change(body)

"""Machines of a cluster on loopback that copy models: real peer ports, real files, reports that go around."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.standing import Machine as MachineStanding
from corral.app.model_copy.copying import Copying, Rules, Standpoint
from corral.app.model_copy.download import Limits
from corral.app.model_copy.manifest import ModelSum
from corral.app.model_copy.view import Others
from corral.app.placing.wire import LOAD_PATH, UNLOAD_PATH
from corral.app.registry.order import MOST_BYTES
from corral.app.registry.wire import PULL_PATH, REMOVE_PATH
from corral.app.serving.load_report import CopyLive
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.sharing.wire import SHARING_PATH
from corral.app.supervisor import Supervisor
from corral.app.telemetry import Sample
from corral.engines.devices import Devices, Memory
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.load import MachineLoad
from corral.engines.pool import ModelPool
from corral.peers.address import Address
from corral.peers.cluster.members import Members
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute
from corral.peers.transport.server import PeerServer
from tests.engines.pools import QUICK, FakeClock
from tests.engines.waiting import until
from tests.models.synth_gguf import write_llama

CLAIM = "7.ROUTER"
PIECE_BYTES = 64 * 1024
LIMITS = Limits(keep_free_bytes=0, patience_s=1.0, look_s=0.01, late_s=0.2)
RULES = Rules(piece_bytes=PIECE_BYTES, limits=LIMITS)
DEVICES = Devices(cores=4, memory=Memory(total_bytes=2**34, available_bytes=2**33))
SLOW_LOOKS = replace(QUICK, sweep_interval_s=60.0)
_BEAT_S = 0.01

Fault = Callable[[PeerRequest, PeerAnswer], PeerAnswer]


class IdleTelemetry:
    """A machine that does nothing."""

    latest: Sample | None = Sample(
        at=1.0, load=MachineLoad(cpu_percent=1.0, memory_percent=50.0), active=0, queued=0, tokens_per_s=0.0
    )


def write_model(folder: Path, name: str = "tiny-Q4_1", *, size_bytes: int = 2_000_000, seed: int = 0) -> Path:
    """A GGUF file of this size that is not like any other."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.gguf"
    write_llama(path)
    with path.open("ab") as file:
        file.write(Random(seed).randbytes(size_bytes - path.stat().st_size))
    return path


@dataclass(kw_only=True)
class Machine:
    """One machine. `fault` may change what it answers about its models' files."""

    identity: Identity
    models: Path
    members: Members
    client: PeerClient
    pool: ModelPool
    peers: PeerEndpoints
    copying: Copying
    reporter: Reporter
    server: PeerServer
    supervisor: Supervisor
    others: Others
    addresses: dict[NodeId, Address]
    clock: FakeClock  # of what waited at its gateway
    more_routes: dict[str, PeerRoute] = field(default_factory=dict)  # path → what answers there too
    fault: Fault | None = None
    asked: int = 0  # for files
    gone: bool = False

    @property
    def node(self) -> NodeId:
        return self.identity.node

    @property
    def name(self) -> str:
        return self.members.name(self.node)

    async def die(self) -> None:
        """As if its process were killed."""
        self.gone = True
        await self.server.stop(grace_s=0.0)

    def id_of(self, model: str) -> str:
        """Of its content, as this machine reports it."""
        found = self.pool.find(model)
        return "" if found is None else self.copying.sums.id_of(found.file)

    def copies(self) -> Mapping[str, CopyLive]:
        """Model → how its copy goes."""
        return {each.model: each for each in self.copying.copies.progress()}

    async def has(self, model: str) -> None:
        """Wait until it has fetched the model."""
        await until(lambda: self.copies()[model].state in ("done", "failed"), "the copy to end")
        assert self.copies()[model].state == "done", self.copies()[model]

    def files(self) -> set[str]:
        """Everything below its folder of models."""
        return {path.relative_to(self.models).as_posix() for path in self.models.rglob("*") if path.is_file()}


@asynccontextmanager
async def lan(
    folder: Path,
    count: int,
    *,
    rules: Rules = RULES,
    models: Mapping[int, Path] | None = None,
    beating: bool = True,
) -> AsyncIterator[Sequence[Machine]]:
    """So many machines, with folders of models `folder`/0, /1, … The first one is the router. `models`: other folders."""
    async with AsyncExitStack() as stack:
        identities = [await _identity(folder / f"identity{number}") for number in range(count)]
        machines: list[Machine] = []
        for number in range(count):
            where = (models or {}).get(number, folder / str(number))
            where.mkdir(exist_ok=True)
            machines.append(
                await stack.enter_async_context(
                    _machine(where, folder / f"sums{number}.json", identities, number, machines, rules)
                )
            )
        for machine in machines:
            machine.addresses.update({each.node: Address("127.0.0.1", each.server.port) for each in machines})
        beat(machines)
        stack.push_async_callback(_cancelled, asyncio.create_task(_beat_on(machines)))
        for machine in machines:
            machine.copying.supervise(machine.supervisor)
            stack.push_async_callback(machine.supervisor.stop)
        yield machines


async def known(machine: Machine, model: str, id_seen_by: Sequence[Machine]) -> ModelSum:
    """The model's id, once all these know that the machine has it."""
    await until(lambda: bool(machine.id_of(model)), "the model to be summed")
    id = machine.id_of(model)

    def seen(by: Machine) -> bool:
        return any(
            report.sha256 == id
            for peer in by.peers.peers()
            if peer.node == machine.node
            for report in peer.heard.static.models
        )

    await until(lambda: all(map(seen, id_seen_by)), "the others to know")
    return ModelSum(id)


def beat(machines: Sequence[Machine]) -> None:
    """One round of heartbeats."""
    for machine in machines:
        for other in machines:
            if other is machine or other.gone:
                continue
            if machine.peers.hear(other.node, other.reporter.live(), None):
                machine.peers.hear(other.node, other.reporter.live(), other.reporter.static())
        machine.peers.set_live(_live(machine, machines))


def _live(machine: Machine, machines: Sequence[Machine]) -> Collection[NodeId]:
    return [each.node for each in machines if each is not machine and not each.gone]


async def _beat_on(machines: Sequence[Machine]) -> None:
    while True:
        beat(machines)
        await asyncio.sleep(_BEAT_S)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _identity(folder: Path) -> Identity:
    return await asyncio.to_thread(load_identity, folder)


@asynccontextmanager
async def _machine(
    models: Path,
    sums: Path,
    identities: Sequence[Identity],
    number: int,
    machines: Sequence[Machine],
    rules: Rules,
) -> AsyncIterator[Machine]:
    identity = identities[number]
    members = Members(introduced=[each.certificate for each in identities])
    addresses: dict[NodeId, Address] = {}
    clock = FakeClock()
    client = _client(identity, members, addresses)
    pool = ModelPool(library=Library(folder=models), engines=(EchoEngine(),), limits=SLOW_LOOKS)
    experience = Experience()
    peers = PeerEndpoints(client=client, name_of=members.name, claim=lambda: CLAIM, experience=experience)
    others = Others(
        peers=peers.peers,
        live=lambda: [each.node for each in machines if each.node != identity.node and not each.gone],
    )
    copying = Copying(
        pool=pool,
        folder=models,
        sums_file=sums,
        client=client,
        members=members,
        others=others,
        standpoint=_standpoint(identity.node, number),
        rules=rules,
        clock=clock,
    )
    reporter = _reporter(pool, experience, copying)
    routes = [_may_fail(route, lambda: machine) for route in copying.routes()]
    asked = (PULL_PATH, REMOVE_PATH, LOAD_PATH, UNLOAD_PATH, SHARING_PATH)
    routes += [_later(path, lambda: machine) for path in asked]
    server = PeerServer(identity=identity, host="127.0.0.1", port=0, routes=routes)
    machine = Machine(
        identity=identity,
        models=models,
        members=members,
        client=client,
        pool=pool,
        peers=peers,
        copying=copying,
        reporter=reporter,
        server=server,
        supervisor=Supervisor(),
        others=others,
        addresses=addresses,
        clock=clock,
    )
    await pool.start()
    await server.start([each.certificate for each in identities])
    try:
        yield machine
    finally:
        await server.stop(grace_s=0.0)
        await client.close()
        await pool.stop()


def _client(identity: Identity, members: Members, addresses: Mapping[NodeId, Address]) -> PeerClient:
    return PeerClient(
        identity=identity,
        certificates=members.certificate,
        addresses=lambda node: [addresses[node]] if node in addresses else [],
    )


def _reporter(pool: ModelPool, experience: Experience, copying: Copying) -> Reporter:
    return Reporter(
        pool=pool,
        telemetry=IdleTelemetry(),
        endpoint=EndpointId("local"),
        experience=experience,
        devices=lambda: DEVICES,
        sha256=copying.sums.id_of,
        copies=copying.copies.progress,
    )


def _standpoint(node: NodeId, number: int) -> Standpoint:
    """The first machine is the router."""
    return Standpoint(
        node=node,
        alone=lambda: False,
        is_router=lambda: number == 0,
        claim=lambda: CLAIM,
        accepts=lambda claim: claim == CLAIM,
        machine=lambda: MachineStanding(local=True, memory_percent=50.0, read_at=1.0),
        devices=lambda: DEVICES,
    )


def _may_fail(route: PeerRoute, machine: Callable[[], Machine]) -> PeerRoute:
    """The same, and what the machine's fault makes of it."""
    if route.method != "GET":
        return route

    async def handler(request: PeerRequest) -> PeerAnswer:
        machine().asked += 1
        answer = await route.handler(request)
        fault = machine().fault
        return answer if fault is None else fault(request, answer)

    return replace(route, handler=handler)


def _later(path: str, machine: Callable[[], Machine]) -> PeerRoute:
    """What `more_routes` has there by then."""

    async def handler(request: PeerRequest) -> PeerAnswer:
        return await machine().more_routes[path].handler(request)

    return PeerRoute(method="POST", path=path, handler=handler, most_bytes=MOST_BYTES)


def lying(_request: PeerRequest, answer: PeerAnswer) -> PeerAnswer:
    """One wrong bit in each stretch of bytes."""
    return answer if isinstance(answer.body, bytes) else replace(answer, body=_spoilt(answer.body))


async def _spoilt(body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in body:
        yield bytes([chunk[0] ^ 1]) + chunk[1:]


class Held:
    """A fault: from the request with this number on, bytes come when released."""

    def __init__(self, from_request: int) -> None:
        self._left = from_request
        self.release = asyncio.Event()
        self.holding = asyncio.Event()

    def __call__(self, request: PeerRequest, answer: PeerAnswer) -> PeerAnswer:
        self._left -= 1
        if self._left > 0 or isinstance(answer.body, bytes):
            return answer
        return replace(answer, body=self._held(answer.body))

    async def _held(self, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        self.holding.set()
        await self.release.wait()
        async for chunk in body:
            yield chunk

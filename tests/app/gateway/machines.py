"""Several machines with scripted pools behind one gateway."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from corral.app.gateway.admission import Admission
from corral.app.gateway.choice import Mode
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint, EndpointId, GatewayRequest
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.standing import Machine, Reported
from corral.engines.model import Lifecycle, LoadedInfo, ModelStatus
from tests.app.gateway.scripted import ANSWER, MODEL, ScriptedPool, Step, chat, status
from tests.engines.pools import FakeClock

INFO = LoadedInfo(
    capabilities=frozenset(),
    context_length=100,
    cache_tokens=100,
    max_sequences=2,
    batch_tokens=1,
    threads=1,
    gpu_layers=0,
    flash_attention=False,
    vocabulary_size=0,
)


class Machines:
    """Scripted pools as endpoints of a gateway; two slots each."""

    def __init__(self, *names: str, mode: Mode = Mode.AUTO, script: Sequence[Step] = ANSWER) -> None:
        self.clock = FakeClock()
        self.experience = Experience()
        self.admission = Admission()
        self.machines = dict.fromkeys(names, Machine())
        self.reported = dict.fromkeys(names, Reported())
        self.models: dict[str, ModelStatus] = {name: _loaded(status(MODEL)) for name in names}
        self.sums = dict.fromkeys(names, "same")
        self.continue_streams = True
        self.pools = {name: _Pool(self, name, script) for name in names}
        self.endpoints: list[Endpoint] = [self._endpoint(name) for name in names]
        chooser = Chooser(admission=self.admission, experience=self.experience, mode=mode, now=self.clock)
        self.gateway = Gateway(
            endpoints=lambda: self.endpoints,
            admission=self.admission,
            chooser=chooser,
            continue_streams=lambda: self.continue_streams,
            now=self.clock,
        )

    def _endpoint(self, name: str) -> Endpoint:
        return PoolEndpoint(
            pool=self.pools[name],
            node_name=name,
            id=EndpointId(name),
            machine=lambda: self.machines[name],
            reported=lambda _model: self.reported[name],
            file_sum=lambda _file: self.sums[name],
            experience=self.experience,
            now=self.clock,
        )

    async def ask(self, text: str = "hi", **more: Any) -> str:
        """Who answered, when the answer has been read."""
        answer = await self.gateway.forward(asking(text, **more))
        await read(answer.body)
        return answer.headers["x-corral-node"]


class _Pool(ScriptedPool):
    """A scripted pool whose model has the status that the test gave it."""

    def __init__(self, machines: Machines, name: str, script: Sequence[Step]) -> None:
        super().__init__(script)
        self._machines = machines
        self._name = name

    def models(self) -> tuple[ModelStatus, ...]:
        return (self._machines.models[self._name],)


def _loaded(found: ModelStatus) -> ModelStatus:
    return ModelStatus(file=found.file, lifecycle=Lifecycle.LOADED, loaded=INFO)


def asking(text: str, **more: Any) -> GatewayRequest:
    request = chat(stream=True)
    json = {**request.json, "messages": [{"role": "user", "content": text}], **more}
    return replace(request, json=json, body=b"x" * len(text))


async def read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])

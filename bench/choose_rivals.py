"""Ways to choose that Corral's are compared with: the least busy machine, and an oracle that knows what nobody can know."""

from collections.abc import Callable, Mapping, Sequence

from bench.choose_machines import Simulated
from bench.choose_trace import Job
from corral.app.gateway.admission import Admission
from corral.app.gateway.choice import Mode, Ranked
from corral.app.gateway.chooser import Choice, Chooser
from corral.app.gateway.endpoint import Endpoint, EndpointId, GatewayRequest, place_of
from corral.app.gateway.experience import Experience
from corral.app.gateway.fingerprints import NO_FINGERPRINTS


class LeastBusy(Chooser):
    """The machine with the fewest requests, equals in turn; nobody waits as long as anybody has a slot."""

    def __init__(self, admission: Admission, experience: Experience, now: Callable[[], float]) -> None:
        super().__init__(admission=admission, experience=experience, now=now)
        self._load = admission.load
        self._count = 0

    def choose(self, endpoints: Sequence[Endpoint], request: GatewayRequest) -> Choice:
        """By what runs and waits."""
        self._count += 1
        start = self._count % len(endpoints)
        turned = [*endpoints[start:], *endpoints[:start]]
        loads = {each.id: self._load(place_of(each, request.model)) for each in endpoints}
        turned.sort(key=lambda each: loads[each.id].running + loads[each.id].waiting)
        return Choice(turned, [Ranked(each.id, 0.0) for each in turned], NO_FINGERPRINTS, Mode.METRICS)


class Oracle(Chooser):
    """Knows each machine's true speed, cache and load, each answer's length, and exactly when what runs and waits ends.

    It takes the machine where the answer and all that it delays are over soonest, and waits for it if it has to. It
    doesn't know what will come.
    """

    def __init__(
        self,
        admission: Admission,
        experience: Experience,
        now: Callable[[], float],
        machines: Mapping[EndpointId, Simulated],
    ) -> None:
        super().__init__(admission=admission, experience=experience, now=now)
        self._machines = machines
        self._to_come: dict[EndpointId, dict[int, float]] = {}  # chosen, not begun: job → seconds alone

    def choose(self, endpoints: Sequence[Endpoint], request: GatewayRequest) -> Choice:
        """Exactly one."""
        job: Job = request.json["job"]
        costs = {each.id: self._cost_s(self._machines[each.id], job) for each in endpoints}
        order = sorted(endpoints, key=lambda each: costs[each.id])
        best = order[0].id
        self._to_come.setdefault(best, {})[job.number] = self._machines[best].alone_s(job)
        ranking = [Ranked(each.id, 0.0 if each is order[0] else float("inf")) for each in order]
        return Choice(list(order), ranking, NO_FINGERPRINTS, Mode.AUTO)

    def sent(self, endpoint: Endpoint, request: GatewayRequest, choice: Choice) -> bool:
        """It begins."""
        self._to_come.get(endpoint.id, {}).pop(request.json["job"].number, None)
        return True

    def _cost_s(self, machine: Simulated, job: Job) -> float:
        if machine.build.errors:
            return float("inf")
        new = machine.alone_s(job)
        running, to_come = machine.work_left(), list(self._to_come.get(machine.id, {}).values())
        if not running and not to_come:
            return new
        before = sum(_ends(running, to_come, machine.build.slots, machine.build.crowding))
        ends = _ends(running, [*to_come, new], machine.build.slots, machine.build.crowding)
        return sum(ends) - before


def _ends(running: Sequence[float], to_come: Sequence[float], slots: int, crowding: float) -> list[float]:
    """When each of them ends, in no order: those that run share the machine, the others follow one by one."""
    left = sorted(running)
    queue = list(to_come)
    left, queue = sorted([*left, *queue[: max(0, slots - len(left))]]), queue[max(0, slots - len(left)) :]
    now, done, ends = 0.0, 0.0, []
    while left:
        now += (left[0] - done) * (1.0 + crowding * (len(left) - 1))
        done = left.pop(0)
        ends.append(now)
        if queue:
            left = sorted([*left, done + queue.pop(0)])
    return ends

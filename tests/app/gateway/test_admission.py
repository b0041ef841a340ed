"""Slots are given out in turn, and none is ever lost."""

import asyncio
from collections.abc import Sequence

import pytest

from corral.app.gateway.admission import Admission, Slot
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.errors import QueueFull, QueueTimeout
from corral.app.gateway.fair_queue import ClientKey
from corral.app.gateway.standing import Machine, Standing

A, B, C = map(ClientKey, "ABC")
MODEL = "m"


class Counted:
    """An endpoint with so many slots."""

    def __init__(self, name: str = "here", slots: int = 1) -> None:
        self.id = EndpointId(name)
        self.name = name
        self.free = slots

    def models(self) -> Sequence[ServedModel]:
        return []

    def listed_name(self, model: str) -> str | None:
        return {"m": "m", "m:q4": "m"}.get(model)

    def answers(self, path: str, model: str) -> bool:
        return True

    def slots(self, model: str) -> int:
        return self.free

    def machine(self) -> Machine:
        return Machine()

    def standing(self, model: str) -> Standing:
        return Standing()

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        raise AssertionError("nobody forwards here")


class Heard:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.most_waiting = 0
        self.waiting_now = 0
        self.waits = 0
        self.refusals: list[str] = []

    def waiting(self, count: int) -> None:
        self.waiting_now = count
        self.most_waiting = max(self.most_waiting, count)

    def waited(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits += 1

    def refused(self, code: str) -> None:
        self.refusals.append(code)


class Desk:
    """Asks for slots as tasks, and notes in which order they came."""

    def __init__(self, *endpoints: Counted, queue_max: int = 100, queue_timeout_s: float = 60.0) -> None:
        self.endpoints = endpoints or (Counted(),)
        self.heard = Heard()
        self.admission = Admission(queue_max=queue_max, queue_timeout_s=queue_timeout_s, observer=self.heard)
        self.order: list[str] = []
        self.slots: dict[str, Slot] = {}

    async def ask(self, name: str, *, model: str = MODEL) -> "asyncio.Task[Slot]":
        """`name` begins with the client's letter. Returns when the request waits or has its slot."""
        task = asyncio.create_task(self._ask(name, model))
        await asyncio.sleep(0)
        return task

    async def _ask(self, name: str, model: str) -> Slot:
        slot = await self.admission.admit(self.endpoints, model, ClientKey(name[0]))
        self.order.append(name)
        self.slots[name] = slot
        return slot

    async def end(self, name: str) -> None:
        """An answer ends; returns when the next one has its slot."""
        self.slots.pop(name).release()
        for _ in range(3):
            await asyncio.sleep(0)

    async def end_all(self) -> None:
        while self.slots:
            await self.end(next(iter(self.slots)))
        assert (self.admission.running, self.admission.waiting, self.heard.waiting_now) == (0, 0, 0)


async def test_a_free_slot_is_taken_without_waiting() -> None:
    desk = Desk(Counted(slots=2))
    for name in ("A1", "A2"):
        task = await desk.ask(name)
        assert task.done() and task.result().waited_s is None
    await desk.ask("A3")
    assert desk.order == ["A1", "A2"]
    await desk.end("A2")
    assert desk.order == ["A1", "A2", "A3"]
    assert desk.slots["A3"].waited_s is not None
    assert (desk.heard.most_waiting, desk.heard.waits) == (1, 1)
    await desk.end_all()


async def test_a_flood_holds_others_up_for_one_turn() -> None:
    desk = Desk()
    tasks = [await desk.ask(f"A{number}") for number in range(10)]
    tasks.append(await desk.ask("B0"))
    await desk.end("A0")
    assert desk.order == ["A0", "B0"]
    await desk.end_all()
    assert desk.order == ["A0", "B0", *(f"A{number}" for number in range(1, 10))]
    assert all(task.done() for task in tasks)


async def test_releasing_twice_gives_one_slot() -> None:
    desk = Desk()
    await desk.ask("A1")
    waiting = [await desk.ask("A2"), await desk.ask("A3")]
    slot = desk.slots["A1"]
    await desk.end("A1")
    slot.release()
    await asyncio.sleep(0)
    assert desk.order == ["A1", "A2"]
    await desk.end_all()
    assert all(task.done() for task in waiting)


async def test_who_leaves_the_queue_takes_nothing_along() -> None:
    desk = Desk()
    await desk.ask("A1")
    leaving, staying = await desk.ask("B1"), await desk.ask("C1")
    leaving.cancel()
    await asyncio.wait([leaving])
    assert desk.admission.waiting == 1
    await desk.end("A1")
    assert desk.order == ["A1", "C1"]
    await desk.end_all()
    assert staying.done()


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_a_slot_is_not_lost_on_somebody_who_leaves_at_that_moment(cancel_first: bool) -> None:
    desk = Desk()
    await desk.ask("A1")
    leaving, staying = await desk.ask("B1"), await desk.ask("C1")
    first, second = leaving.cancel, desk.slots.pop("A1").release
    for step in (first, second) if cancel_first else (second, first):
        step()  # both before the loop runs again
    await asyncio.wait([leaving, staying])
    assert leaving.cancelled()
    assert desk.order == ["A1", "C1"]
    await desk.end_all()


async def test_the_time_is_over() -> None:
    desk = Desk(queue_timeout_s=0.02)
    await desk.ask("A1")
    waiting = await desk.ask("B1")
    with pytest.raises(QueueTimeout) as caught:
        await waiting
    assert caught.value.headers == {"x-queue-status": "queued", "x-queue-wait-ms": "20"}
    assert desk.heard.refusals == ["queue_timeout"]
    await desk.end_all()


async def test_the_queue_is_full() -> None:
    desk = Desk(queue_max=2)
    for name in ("A1", "A2", "A3"):
        await desk.ask(name)
    with pytest.raises(QueueFull) as caught:
        await (await desk.ask("A4"))
    assert caught.value.retry_after_s is not None and 1 <= caught.value.retry_after_s <= 60
    assert desk.heard.refusals == ["queue_full"]
    await desk.end_all()
    assert desk.order == ["A1", "A2", "A3"]


async def test_in_a_full_queue_the_last_one_of_the_greediest_makes_room() -> None:
    desk = Desk(queue_max=4)
    tasks = {name: await desk.ask(name) for name in ("A0", "A1", "A2", "A3", "A4", "B1", "B2", "C1")}
    await desk.end_all()
    assert [name for name, task in tasks.items() if task.exception()] == ["A2", "A3", "A4"]
    assert desk.order == ["A0", "B1", "C1", "A1", "B2"]


async def test_each_way_to_write_a_name_means_the_same_slots() -> None:
    desk = Desk()
    await desk.ask("A1", model="m")
    other = await desk.ask("A2", model="m:q4")
    assert not other.done()
    await desk.end_all()
    assert other.done()


async def test_models_have_slots_of_their_own() -> None:
    desk = Desk()
    await desk.ask("A1", model="m")
    assert (await desk.ask("A2", model="unknown")).done()
    assert not (await desk.ask("A3", model="UNKNOWN ")).done()
    await desk.end_all()


async def test_the_first_endpoint_that_gets_a_slot_answers() -> None:
    first, second = Counted("first"), Counted("second")
    desk = Desk(first, second)
    for name in ("A1", "A2", "B1"):
        await desk.ask(name)
    assert [desk.slots[name].endpoint for name in ("A1", "A2")] == [first, second]
    await desk.end("A2")
    assert desk.slots["B1"].endpoint is second
    await desk.end_all()


async def test_more_slots_are_used_when_there_are_more() -> None:
    endpoint = Counted()
    desk = Desk(endpoint)
    for name in ("A1", "A2", "A3", "A4"):
        await desk.ask(name)
    endpoint.free = 2
    desk.admission.look_again()
    await asyncio.sleep(0)
    assert desk.order == ["A1", "A2"]
    endpoint.free = 4
    await desk.ask("A5")
    await asyncio.sleep(0)
    assert desk.order == ["A1", "A2", "A3", "A4"]
    await desk.end_all()


async def test_fewer_slots_are_used_when_there_are_fewer() -> None:
    endpoint = Counted(slots=2)
    desk = Desk(endpoint)
    for name in ("A1", "A2", "A3"):
        await desk.ask(name)
    endpoint.free = 1
    await desk.end("A1")
    assert desk.order == ["A1", "A2"]
    await desk.end("A2")
    assert desk.order == ["A1", "A2", "A3"]
    await desk.end_all()


async def test_nothing_is_lost_in_a_storm() -> None:
    """Many come, leave and end in an order that the loop makes; all slots are free at the end."""
    desk = Desk(Counted("one", slots=3), Counted("two", slots=2), queue_max=40)

    async def visit(number: int) -> None:
        slot = await desk.admission.admit(desk.endpoints, MODEL, ClientKey(str(number % 7)))
        try:
            for _ in range(number % 5):
                await asyncio.sleep(0)
            assert desk.admission.running <= 5
        finally:
            slot.release()

    tasks = [asyncio.create_task(visit(number)) for number in range(300)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0)
        if number % 3 == 0:
            tasks[number // 2].cancel()
        if number % 11 == 0:
            task.cancel()
    done, _ = await asyncio.wait(tasks)
    failed = [task.exception() for task in done if not task.cancelled() and task.exception() is not None]
    assert all(isinstance(error, QueueFull) for error in failed)
    await desk.end_all()

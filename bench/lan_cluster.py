"""A cluster of real nodes, each in a network namespace of its own, that grows while it is measured."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, one_router

MODEL = "echo"
_POLL_S = 0.5
_JOIN_DEADLINE_S = 180.0


class DidNotSettle(Exception):
    """The machines did not become what was waited for; the message says what they said last."""


class LanCluster:
    """Machines h1, h2, … in one cluster, each with an echo model. A context manager.

    One more host, `stranger`, is on the LAN without Corral. Needs what `tests.cluster.lan` needs.
    """

    def __init__(self, most: int, folder: Path, *, echo: str = "{}") -> None:
        """`most` machines will be there at last; `echo` is the content of the model's file."""
        self.machines: list[Machine] = []
        self._folder = folder
        self._models = folder / "models"
        self._models.mkdir()
        (self._models / f"{MODEL}.echo").write_text(echo)
        self.lan = Lan(most + 1)
        self.stranger = self.lan.hosts[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for machine in self.machines:
            machine.close()
        self.lan.close()

    def grow(self, count: int) -> None:
        """Let machines in until there are so many. Raises DidNotSettle."""
        if not self.machines:
            self._add(token=None)
            self.wait(lambda: self.machines[0].router() is not None, "the first machine to serve")
        if len(self.machines) < count:
            left = count - len(self.machines)
            token = self.machines[0].corral("cluster", "invite", "--uses", str(left)).split()[0]
            while len(self.machines) < count:
                self._add(token=token)
        self.wait(lambda: in_one(self.machines), f"{count} machines to be one cluster")

    def router(self) -> Machine:
        """Raises DidNotSettle if the machines don't agree."""
        name = one_router(*self.machines)
        if name is None:
            raise DidNotSettle("the machines name different routers")
        return next(each for each in self.machines if each.name == name)

    def wait(self, condition: Callable[[], bool], what: str, *, within_s: float = _JOIN_DEADLINE_S) -> None:
        """Look now and then. Raises DidNotSettle."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() >= deadline:
                said = "\n".join(f"{each.name}: {each.output()[-1000:]}" for each in self.machines)
                raise DidNotSettle(f"waited {within_s:.0f} s for {what}\n{said}")
            time.sleep(_POLL_S)

    def _add(self, *, token: str | None) -> None:
        name = self.lan.hosts[len(self.machines)]
        settings = {} if token is None else {"CORRAL_JOIN_TOKEN": token}
        home = self._folder / name
        self.machines.append(Machine(self.lan, name, home, models=self._models, settings=settings))


def in_one(machines: Sequence[Machine]) -> bool:
    """Whether all are in one cluster with one router that hears them all."""
    try:
        first = machines[0].local()["router"]
        if first is None:
            return False
        router = next(each for each in machines if each.name == first["name"])
        nodes = router.cluster()["nodes"]
        heard = len(nodes) == len(machines) and all(each["online"] for each in nodes)
        return heard and one_router(*machines) == router.name
    except (httpx.HTTPError, OSError, json.JSONDecodeError, StopIteration):
        return False

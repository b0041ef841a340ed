"""What a test of a node's HTTP side may want to be different."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corral.app.gateway.endpoint import Endpoint
from corral.app.logs import Logs
from corral.app.supervisor import TaskStatus
from corral.engines.echo import EchoEngine
from corral.engines.engine import Engine
from corral.engines.limits import PoolLimits
from corral.engines.model import LoadOptions
from tests.app.api.books import NOW
from tests.app.registry.lone_registry import NOBODY


@dataclass(frozen=True, kw_only=True)
class Options:
    """All of it; the defaults are what most tests want."""

    limits: PoolLimits = PoolLimits()  # noqa: RUF009 - frozen
    engines: Sequence[Engine] = (EchoEngine(),)
    load: LoadOptions = LoadOptions()  # noqa: RUF009 - frozen
    keep_alive_s: float = 10.0
    cors_origins: Collection[str] = ()
    allowed_hosts: Collection[str] = ()
    trust_loopback: bool = False
    endpoints: Sequence[Endpoint] = ()  # besides that of the echo models
    queue_max: int = 1024
    queue_timeout_s: float = 60.0
    records: bool = False  # into the database instead of the memory log
    logs: Logs | None = None  # else some that are not opened
    tasks: Sequence[TaskStatus] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # other than the defaults
    now: Callable[[], float] = lambda: NOW
    hub_url: str = NOBODY
    load_patience_s: float = 60.0  # of those who load a model by name
    patience_s: float = 0.0  # of requests for models that are on their way

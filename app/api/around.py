"""What every request gets, whichever way it is answered: an id, headers of its answer, a count in the metrics."""

import re
import time
from collections.abc import Collection, Mapping

from corral.app.api.metrics import Metrics
from corral.app.api.origins import cors_headers
from corral.app.api.route import is_inference
from corral.app.dialects.dialect import Dialect, dialect_of
from corral.app.ids import new_id

_SANE_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")


class Around:
    """Of one node."""

    def __init__(self, *, metrics: Metrics, cors_origins: Collection[str], node_name: str) -> None:
        """`cors_origins`: the pages that may ask from a browser."""
        self._metrics = metrics
        self._node_name = node_name
        self._cors_origins = frozenset(cors_origins)

    def request_id(self, headers: Mapping[str, str]) -> str:
        """The client's own if it is sane, else a new one. `headers` have lower-case names."""
        given = headers.get("x-request-id", "")
        return given if _SANE_ID.match(given) else new_id(time.time())

    def added_headers(
        self, method: str, path: str, headers: Mapping[str, str], request_id: str
    ) -> dict[str, str]:
        """What goes with the answer, over what it has itself; but see `usual_headers`."""
        added = {"x-request-id": request_id}
        if is_inference(path):
            if dialect_of(path, headers) is Dialect.ANTHROPIC:
                added["request-id"] = request_id
            added |= cors_headers(headers, self._cors_origins, preflight=method == "OPTIONS")
        return added

    def usual_headers(self, path: str) -> dict[str, str]:
        """What goes with the answer if it says nothing else."""
        return {"x-corral-node": self._node_name} if is_inference(path) else {}

    def count(self, *, method: str, route: str | None, status: int, began: float) -> None:
        """An answer's status is known. `began` is of `time.perf_counter`; `route` None: there is none."""
        self._metrics.request(
            method="other" if route is None else method,
            route=route or "other",
            status=status,
            seconds=time.perf_counter() - began,
        )

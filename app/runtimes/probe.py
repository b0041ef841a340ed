"""Asking a runtime for its models."""

import asyncio

from corral.app.runtimes.model_list import BadModelList, Listing, listed
from corral.app.runtimes.record import RuntimeRecord
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import UpstreamFailed, UpstreamTimeout

PATH = "/v1/models"
ANSWER_S = 5.0
_MOST_BYTES = 4 * 1024 * 1024
_OK = 200


class Probe:
    """Call it with a record."""

    def __init__(self, client: UpstreamClient, *, answer_s: float = ANSWER_S) -> None:
        self._client = client
        self._answer_s = answer_s

    async def __call__(self, record: RuntimeRecord) -> Listing:
        """The models that it has now. Raises UpstreamError."""
        try:
            async with asyncio.timeout(self._answer_s):
                response = await self._client.open(record.base_url, "GET", PATH, timeout_s=self._answer_s)
                if response.status != _OK:
                    await response.aclose()
                    raise UpstreamFailed(f"GET {PATH} answered {response.status}")
                return listed(await response.read(_MOST_BYTES))
        except TimeoutError as error:
            raise UpstreamTimeout(f"GET {PATH} took longer than {self._answer_s:g} s") from error
        except BadModelList as error:
            raise UpstreamFailed(f"GET {PATH} was not answered with a list of models: {error}") from error

"""What counts as a right answer of a gateway."""

import os
from pathlib import Path

import pytest

from bench.gateway_load import WrongAnswer, check_document, check_stream, closed_loop, open_loop, quantile
from bench.gateways import upstream_server
from bench.instant_upstream import EVENTS, WORD


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"choices":[]}', b'{"choices":[{"message":{"content":"x"}}]}']
)
def test_documents_that_are_wrong(body: bytes) -> None:
    with pytest.raises(WrongAnswer):
        check_document(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data: [DONE]\n\n",
        b'data: {"choices":[{"delta":{"content":"word "}}]}\n\ndata: [DONE]\n\n',
        b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (WORD * EVENTS).encode(),
    ],
)
def test_streams_that_are_wrong(body: bytes) -> None:
    with pytest.raises(WrongAnswer):
        check_stream(body)


def test_quantiles() -> None:
    assert [quantile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]


async def test_the_upstream_answers_right(tmp_path: Path) -> None:
    async with upstream_server(tmp_path, core=min(os.sched_getaffinity(0))) as server:
        latencies = await open_loop(server.address, seconds=0.3, rate=50.0)
        rates = [
            await closed_loop(server.address, clients=2, seconds=0.2, stream=stream)
            for stream in (False, True)
        ]
    assert latencies.whole and latencies.first and latencies.errors == 0
    assert all(rate.requests_per_s > 0 and rate.errors == 0 for rate in rates)

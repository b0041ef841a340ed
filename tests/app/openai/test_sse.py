"""Reading server-sent events, however they were cut."""

from collections.abc import AsyncIterator

import pytest

from corral.app.openai.sse import DONE, KEEP_ALIVE, data_events, event

STREAM = event(b'{"a":1}') + KEEP_ALIVE + b"event: x\r\ndata: two\r\ndata: lines\r\n\r\n" + DONE


async def pieces(size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(STREAM), size):
        yield STREAM[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
async def test_the_cut_does_not_matter(size: int) -> None:
    assert [data async for data in data_events(pieces(size))] == [b'{"a":1}', None, b"two\nlines", b"[DONE]"]

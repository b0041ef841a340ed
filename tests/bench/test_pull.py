"""The benchmark of downloads: its file is the same however it is read, and its table says what was measured."""

from hashlib import sha256

import pytest

from bench.pull import BLOCK_BYTES, LargeContent, Measured, table


@pytest.mark.parametrize("step", [1000, 4096, BLOCK_BYTES + 7])
def test_the_file_is_the_same_however_it_is_read(step: int) -> None:
    content = LargeContent(b"GGUF" + bytes(700), 2 * BLOCK_BYTES + 11)
    data = b"".join(
        content.read(at, min(content.size_bytes, at + step)) for at in range(0, content.size_bytes, step)
    )
    assert len(data) == content.size_bytes
    assert sha256(data).hexdigest() == content.sha256
    assert data.startswith(b"GGUF")


def test_the_table() -> None:
    each = Measured(seconds=2.0, sent_bytes=10**9, idle_bytes=2**27, peak_bytes=2**28)
    assert table(10**9, each, each)[2] == "| undisturbed | 2.0 | 500 | 1,000 MB | 128 MiB | 256 MiB |"

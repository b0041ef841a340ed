"""Server-sent events as OpenAI uses them: `data:` lines only, ended by `[DONE]`."""

from collections.abc import AsyncIterator

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
CONTENT_TYPE = "text/event-stream; charset=utf-8"


def event(data: bytes) -> bytes:
    """One event; `data` has no line breaks (compact JSON never does)."""
    return b"data: %b\n\n" % data


async def data_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes | None]:
    """The data of each event, and None for each comment, whatever way the bytes were cut."""
    rest = b""
    async for chunk in chunks:
        *blocks, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
        for block in blocks:
            lines = block.split(b"\n")
            data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
            if data:
                yield b"\n".join(data)
            elif any(line.startswith(b":") for line in lines):
                yield None

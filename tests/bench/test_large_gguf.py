"""The model with random weights: one that really loads and answers, here in a small shape."""

from pathlib import Path

from bench.large_gguf import Shape, write_large
from corral.engines.library import Library
from corral.engines.llama.engine import LlamaEngine
from corral.engines.pool import ModelPool
from corral.engines.requests import CompletionRequest, Generation
from tests.engines.echo_files import text_of

SMALL = Shape(layers=2, width=256, feed_forward=512, heads=4, kv_heads=2, context=2048)


async def test_it_is_a_model_with_another_ones_words(tmp_path: Path, starter_model: Path) -> None:
    write_large(tmp_path / "random.Q4_0.gguf", starter_model, SMALL)
    pool = ModelPool(library=Library(folder=tmp_path), engines=(LlamaEngine(),))
    await pool.start()
    try:
        (status,) = pool.models()
        file = status.file
        assert (file.layers, file.context_length, file.quantization, file.error) == (2, 2048, "Q4_0", None)
        assert file.kv_bytes_per_token == 2 * 2 * 2 * 64 * 2  # layers, K and V, heads, width of each, bytes
        request = CompletionRequest(prompt="Once upon", generation=Generation(max_tokens=4))
        assert await text_of(pool.answer(file.name, request))
    finally:
        await pool.stop()

"""The pool with the real engine and a real model."""

import asyncio
from pathlib import Path

from corral.engines.library import Library
from corral.engines.llama.engine import LlamaEngine
from corral.engines.model import Capability, Lifecycle, LoadOptions
from corral.engines.pool import ModelPool
from corral.engines.requests import Generation, Sampling
from tests.engines.echo_files import chat, text_of

GREEDY = Generation(sampling=Sampling(temperature=0.0), max_tokens=3)


async def test_a_real_model_answers_through_the_pool(starter_model: Path) -> None:
    pool = ModelPool(
        library=Library(folder=starter_model.parent),
        engines=(LlamaEngine(),),
        options=lambda _name: LoadOptions(context_length=512, max_sequences=4),
    )
    await pool.start()
    try:
        questions = ["What is the capital of France?", "Name a colour."]
        name = "smollm2-135m-instruct:Q4_1"
        answers = await asyncio.gather(
            *(text_of(pool.answer(name, chat(text, GREEDY))) for text in questions)
        )
        assert all(answers)
        (status,) = (each for each in pool.models() if each.file.paths == (starter_model,))
        assert status.lifecycle is Lifecycle.LOADED
        assert status.loaded is not None
        assert status.loaded.context_length == 512
        assert Capability.CHAT in status.loaded.capabilities
        assert status.memory_bytes > status.file.size_bytes // 2
    finally:
        await pool.stop()

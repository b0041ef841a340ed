"""What copies of models and the gateway tell each other."""

import asyncio
from typing import Any

from corral.app.gateway.gateway import Gateway
from corral.app.gateway.models import Download
from tests.app.gateway.scripted import ANSWER, MODEL, chat
from tests.app.gateway.test_held_slots import OneSlot
from tests.engines.waiting import until


async def listed(download: Download | None) -> dict[str, Any]:
    downloads = {} if download is None else {MODEL: download}
    gateway = Gateway(endpoints=lambda: [OneSlot()], downloads=lambda: downloads)
    (document,) = gateway.models()
    assert gateway.model(MODEL) == document
    return document


async def test_a_model_that_is_on_its_way_to_another_machine() -> None:
    document = await listed(Download(bytes_downloaded=1, bytes_total=4))
    assert document["lifecycle_status"] == "caching"
    assert document["download_progress"] == {
        "percent": 25.0,
        "bytes_downloaded": 1,
        "bytes_total": 4,
        "error": None,
    }


async def test_a_copy_that_came_to_nothing() -> None:
    document = await listed(Download(bytes_downloaded=1, bytes_total=4, error="no room"))
    assert document["lifecycle_status"] == "registered"
    assert document["download_progress"]["error"] == "no room"


async def test_without_a_copy_there_is_no_progress() -> None:
    document = await listed(None)
    assert (document["lifecycle_status"], document["download_progress"]) == ("registered", None)


async def test_the_gateway_tells_for_which_model_requests_waited() -> None:
    waited: list[tuple[str, float]] = []
    release = asyncio.Event()
    endpoint = OneSlot(release, *ANSWER)
    gateway = Gateway(
        endpoints=lambda: [endpoint], on_waited=lambda model, seconds: waited.append((model, seconds))
    )
    answers = [asyncio.create_task(_answered(gateway, model)) for model in (MODEL, f" {MODEL.upper()}")]
    await until(lambda: len(endpoint.pool.asked) == 1, "the first to begin")
    release.set()
    await asyncio.gather(*answers)
    ((model, seconds),) = waited
    assert model == MODEL and seconds > 0


async def _answered(gateway: Gateway, model: str) -> None:
    answer = await gateway.forward(chat(stream=False, model=model))
    async for _ in answer.body:
        pass

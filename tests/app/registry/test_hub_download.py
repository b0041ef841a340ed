"""Downloads from a hub that behaves, and from one that doesn't."""

import asyncio
from pathlib import Path

import pytest

from corral.app.model_copy.errors import CopyFailed, NoRoom
from corral.app.registry.order import Order
from corral.app.registry.origin import Origin
from corral.app.registry.staging import staging_folder
from corral.engines.model_folders import MARKER
from tests.app.registry.downloading import (
    FILE,
    MODEL,
    PIECE_BYTES,
    REPO,
    download,
    files_in,
    gguf_bytes,
    order_of,
    origin_of,
)
from tests.engines.waiting import until
from tests.fakes.hub_server import HubServer, hub_server
from tests.small_disk import SmallDisk

DATA = gguf_bytes()
DONE = {f"{MODEL}/{FILE}", f"{MODEL}/{MARKER}"}


def filled(hub: HubServer) -> None:
    hub.put(REPO, FILE, DATA)
    hub.put(REPO, "config.json", b'{"a": 1}')


async def test_a_file_comes_in_pieces_over_several_connections(tmp_path: Path) -> None:
    async with hub_server() as hub, origin_of(hub, token="hf_secret") as origin:
        filled(hub)
        done = download(await order_of(origin, FILE), tmp_path, origin)
        assert await done.run() == ()
        assert done.done_bytes == done.total_bytes == len(DATA)
        assert (tmp_path / MODEL / FILE).read_bytes() == DATA
        assert files_in(tmp_path) == DONE
        ranges = [span for _, path, span, _ in hub.asked if path.startswith("/cdn/")]
        assert len(ranges) == len(set(ranges)) == -(-len(DATA) // PIECE_BYTES)
        assert {authorization for *_, authorization in hub.asked} == {"Bearer hf_secret"}


async def test_a_signed_address_is_used_again_until_it_is_refused(tmp_path: Path) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        order = await order_of(origin, FILE)
        await download(order, tmp_path, origin, connections=1).run()
        assert [path for _, path, *_ in hub.asked].count(f"/{REPO}/resolve/{order.commit}/{FILE}") == 1
        hub.faults.expired = 1
        await download(order, tmp_path / "again", origin, connections=1).run()
        assert [path for _, path, *_ in hub.asked].count(f"/{REPO}/resolve/{order.commit}/{FILE}") == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"break_off": 3},
        {"fail": 2},
        {"busy": 2},
        {"no_ranges": True},
        {"no_ranges": True, "break_off": 2},
        {"lie_sha_once": 1},
        {"short": 2},
        {"no_checksums": True},
    ],
    ids=str,
)
async def test_what_goes_wrong_for_a_while(tmp_path: Path, fault: dict[str, bool | int]) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        hub.faults.no_checksums = bool(fault.get("no_checksums"))
        order = await order_of(origin, FILE, "config.json")
        for name, value in fault.items():
            setattr(hub.faults, name, value)
        await download(order, tmp_path, origin).run()
        assert (tmp_path / MODEL / FILE).read_bytes() == DATA
        assert files_in(tmp_path) == DONE | {f"{MODEL}/config.json"}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"web_page": True}, "a web page instead of"),
        ({"lie_length": True}, "has another length"),
        ({"lie_length": True, "no_ranges": True}, "has another length"),
        ({"lie_sha": True}, "is not what its checksum says"),
        ({"etag": "0" * 64}, "has changed at"),
        ({"fail": 10**6, "patience_s": 0.2}, "answered with status 503"),
        ({"busy": 10**6, "retry_after": "3600"}, "wants fewer requests"),
        ({"redirect_to": "http://evil.invalid/x"}, "may not be downloaded from 'evil.invalid'"),
        ({"redirect_to": "https://huggingface.co.evil.invalid"}, "may not be downloaded from"),
    ],
    ids=str,
)
async def test_a_download_that_fails_never_becomes_a_model(
    tmp_path: Path, fault: dict[str, object], says: str
) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        order = await order_of(origin, FILE)
        patience_s = float(str(fault.pop("patience_s", 20.0)))
        for name, value in fault.items():
            setattr(hub.faults, name, value)
        with pytest.raises(CopyFailed, match=says):
            await download(order, tmp_path, origin, patience_s=patience_s).run()
        assert not any(path.endswith(".gguf") for path in files_in(tmp_path))


async def test_a_file_that_changed_between_two_starts_is_fetched_anew(tmp_path: Path) -> None:
    """Of an origin that knows no checksums, as some mirrors."""
    async with hub_server() as hub:
        filled(hub)
        hub.faults.no_checksums, hub.faults.etag = True, "first"
        async with origin_of(hub) as origin:
            order = await order_of(origin, FILE)
            await stopped_in_the_middle(hub, order, tmp_path, origin)
        other = gguf_bytes(seed=1)
        hub.put(REPO, FILE, other)
        hub.faults.etag = "second"
        async with origin_of(hub) as origin:
            with pytest.raises(CopyFailed, match="has changed"):
                await download(order, tmp_path, origin).run()
            await download(order, tmp_path, origin).run()
        assert (tmp_path / MODEL / FILE).read_bytes() == other


async def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        order = await order_of(origin, FILE)
        kept = await stopped_in_the_middle(hub, order, tmp_path, origin)
        assert kept >= 3 * PIECE_BYTES
        hub.sent_bytes = 0
        await download(order, tmp_path, origin).run()
        assert hub.sent_bytes == len(DATA) - kept
        assert files_in(tmp_path) == DONE


async def test_two_programs_with_one_folder(tmp_path: Path) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        order = await order_of(origin, FILE)
        hub.faults.hold = asyncio.Event()
        first, second = (download(order, tmp_path, origin) for _ in range(2))
        tasks = [asyncio.create_task(each.run()) for each in (first, second)]
        await until(lambda: "another program" in first.note + second.note, "the other one to wait")
        hub.faults.hold.set()
        await asyncio.gather(*tasks)
        assert hub.sent_bytes == len(DATA)
        assert files_in(tmp_path) == DONE


async def test_the_one_that_waits_takes_over(tmp_path: Path) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        order = await order_of(origin, FILE)
        hub.faults.hold = asyncio.Event()
        first = asyncio.create_task(download(order, tmp_path, origin).run())
        await until(lambda: hub.sent_bytes > 0, "bytes to come")
        waiting = download(order, tmp_path, origin)
        second = asyncio.create_task(waiting.run())
        await until(lambda: "another program" in waiting.note, "it to wait")
        first.cancel()
        hub.faults.hold.set()
        await second
        assert files_in(tmp_path) == DONE
        assert (await asyncio.gather(first, return_exceptions=True))[0] is not None


async def test_no_room(small_disk: SmallDisk) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        hub.put(REPO, FILE, gguf_bytes(14_000_000))
        order = await order_of(origin, FILE)
        with pytest.raises(NoRoom, match="make room for"):
            await download(order, small_disk.folder, origin).run()


async def test_the_disk_fills_up_meanwhile(small_disk: SmallDisk) -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        hub.put(REPO, FILE, DATA)
        order = await order_of(origin, FILE)
        hub.faults.hold = asyncio.Event()
        running = asyncio.create_task(download(order, small_disk.folder, origin).run())
        await until(lambda: hub.sent_bytes > 0, "bytes to come")
        await asyncio.to_thread(small_disk.fill)
        hub.faults.hold.set()
        with pytest.raises(NoRoom, match="what has come is kept"):
            await running
        small_disk.make_room()
        hub.faults.hold = None
        await download(order, small_disk.folder, origin).run()
        assert (small_disk.folder / MODEL / FILE).stat().st_size == len(DATA)


async def stopped_in_the_middle(hub: HubServer, order: Order, folder: Path, origin: Origin) -> int:
    """Cancel a download; how many bytes of it are kept."""
    hub.faults.hold = held = asyncio.Event()
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps > 12:
            held.clear()

    held.set()
    hub.faults.step = step
    running = asyncio.create_task(download(order, folder, origin, connections=2).run())
    await until(lambda: not held.is_set(), "half of it to come")
    journal = staging_folder(folder, order) / "journal"
    await until(lambda: journal.exists() and journal.read_text().count("+") >= 3, "pieces to be kept")
    running.cancel()
    await asyncio.wait([running])
    hub.faults.hold, hub.faults.step = None, lambda: None
    return journal.read_text().count("+") * PIECE_BYTES

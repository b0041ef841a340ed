"""Copying a model from other machines: whole, from several, with all that goes wrong on the way."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from corral.app.model_copy.errors import CantCopy, NoRoom, NoSuchCopy
from corral.app.model_copy.manifest import ModelSum, decode_manifest, encode_manifest
from corral.app.model_copy.wire import Ask
from corral.peers.transport.route import PeerAnswer, PeerRequest
from tests.app.model_copy.machines import (
    LIMITS,
    PIECE_BYTES,
    RULES,
    Held,
    Machine,
    known,
    lan,
    lying,
    write_model,
)
from tests.engines.waiting import until
from tests.small_disk import SmallDisk

PIECES = -(-2_000_000 // PIECE_BYTES)


async def asked(machine: Machine, id: ModelSum, model: str = "tiny", **more: object) -> None:
    fields = {"model": model, "id": id, "size_bytes": 2_000_000, "quantization": "Q4_1", **more}
    await machine.copying.copies.begin(Ask(**fields))  # type: ignore[arg-type]


async def test_a_whole_model(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        await asked(anna, id)
        await anna.has("tiny")
        assert anna.files() == {path.name}
        assert (anna.models / path.name).read_bytes() == path.read_bytes()
        found = anna.pool.find("tiny")
        assert found is not None and found.file.error is None
        assert await known(anna, "tiny", [bert]) == id  # and it can be had from here now
        copy = anna.copies()["tiny"]
        assert (copy.done_bytes, copy.total_bytes, copy.error) == (2_000_000, 2_000_000, "")
        assert bert.asked == PIECES + 1


async def test_a_split_model(tmp_path: Path) -> None:
    paths = [
        write_model(tmp_path / "1", f"big-Q8_0-0000{number}-of-00003", size_bytes=600_000, seed=number)
        for number in (1, 2, 3)
    ]
    async with lan(tmp_path, 2) as (anna, bert):
        await asked(anna, await known(bert, "big", [anna]), "big", quantization="Q8_0")
        await anna.has("big")
        assert anna.files() == {path.name for path in paths}
        for path in paths:
            assert (anna.models / path.name).read_bytes() == path.read_bytes()


async def test_a_file_whose_name_says_nothing_gets_a_folder_that_does(tmp_path: Path) -> None:
    write_model(tmp_path / "1" / "Some-Model-GGUF", "ggml-model-Q4_1")
    async with lan(tmp_path, 2) as (anna, bert):
        await asked(anna, await known(bert, "some-model", [anna]), "some-model")
        await anna.has("some-model")
        assert anna.files() == {"some-model/ggml-model-Q4_1.gguf"}
        assert anna.pool.find("some-model") is not None


async def test_several_machines_send_at_once(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    write_model(tmp_path / "2", "tiny.Q4_1")  # the same content under another name
    async with lan(tmp_path, 3) as (anna, bert, carl):
        id = await known(bert, "tiny", [anna])
        assert await known(carl, "tiny", [anna]) == id
        bert.fault, carl.fault = both = Held(2), Held(2)
        await asked(anna, id)
        for each in both:
            await each.holding.wait()
        await until(lambda: anna.copies()["tiny"].sources == 2, "both to send")
        for each in both:
            each.release.set()
        await anna.has("tiny")
        (name,) = anna.files()
        assert (anna.models / name).read_bytes() == path.read_bytes()
        assert min(bert.asked, carl.asked) >= 1


async def test_a_machine_that_dies_on_the_way_is_replaced_by_another(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    write_model(tmp_path / "2")
    async with lan(tmp_path, 3) as (anna, bert, carl):
        id = await known(bert, "tiny", [anna])
        await known(carl, "tiny", [anna])
        bert.fault = held = Held(4)
        carl.fault = waits = Held(2)
        await asked(anna, id)
        await held.holding.wait()
        await bert.die()
        waits.release.set()
        await anna.has("tiny")
        assert (anna.models / path.name).read_bytes() == path.read_bytes()


async def test_a_machine_that_falls_silent_is_not_waited_for(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    write_model(tmp_path / "2")
    async with lan(tmp_path, 3) as (anna, bert, carl):
        id = await known(bert, "tiny", [anna])
        await known(carl, "tiny", [anna])
        carl.fault = held = Held(1)
        await asked(anna, id)
        await held.holding.wait()
        await anna.has("tiny")
        assert not held.release.is_set()
        assert (anna.models / path.name).read_bytes() == path.read_bytes()


async def test_a_machine_that_lies_is_named_and_dropped(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    write_model(tmp_path / "2")
    async with lan(tmp_path, 3) as (anna, bert, carl):
        id = await known(bert, "tiny", [anna])
        await known(carl, "tiny", [anna])
        carl.fault = lying
        bert.fault = waits = Held(2)
        await asked(anna, id)
        await until(lambda: anna.copies()["tiny"].note != "", "the lie to be found out")
        waits.release.set()
        await anna.has("tiny")
        assert anna.copies()["tiny"].note == f"{carl.name} sent wrong data and isn't asked any more"
        assert carl.asked <= 2  # perhaps the manifest, and one piece
        assert (anna.models / path.name).read_bytes() == path.read_bytes()


async def test_without_an_honest_machine_nothing_comes(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        bert.fault = lying
        await asked(anna, id)
        await until(lambda: anna.copies()["tiny"].state == "failed", "the copy to fail")
        error = anna.copies()["tiny"].error
        assert "can be reached" in error and f"{bert.name} sent wrong data" in error
        assert anna.pool.find("tiny") is None


async def test_a_manifest_of_something_else_is_a_lie(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])

        def other(_request: PeerRequest, answer: PeerAnswer) -> PeerAnswer:
            if not isinstance(answer.body, bytes):
                return answer
            told = decode_manifest(answer.body, id)
            return replace(
                answer, body=encode_manifest(type(told)(piece_bytes=2 * PIECE_BYTES, parts=told.parts))
            )

        bert.fault = other
        await asked(anna, id)
        await until(lambda: anna.copies()["tiny"].state == "failed", "the copy to fail")
        assert f"{bert.name} sent wrong data" in anna.copies()["tiny"].error
        assert anna.files() == set()


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        bert.fault = held = Held(PIECES // 2)
        await asked(anna, await known(bert, "tiny", [anna]))
        await held.holding.wait()
        before = anna.copies()["tiny"].done_bytes
        assert 0 < before < 2_000_000
    assert anna.files() == {f"{path.name}.part", f"{path.name}.copy"}
    async with lan(tmp_path, 2) as (anna, bert):  # nobody asks again
        await until(lambda: "tiny" in anna.copies(), "the copy to go on")
        await anna.has("tiny")
        assert bert.asked == PIECES - PIECES // 2 + 2  # what was missing; the manifest was kept
        assert (anna.models / path.name).read_bytes() == path.read_bytes()
        assert anna.files() == {path.name}


@pytest.mark.parametrize("damage", ["journal", "torn line", "piece", "part gone", "part short"])
def test_what_a_crash_may_leave(tmp_path: Path, damage: str) -> None:
    asyncio.run(_after_a_crash(tmp_path, damage))


async def _after_a_crash(tmp_path: Path, damage: str) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        bert.fault = held = Held(PIECES // 2)
        id = await known(bert, "tiny", [anna])
        await asked(anna, id)
        await held.holding.wait()
    part, journal = anna.models / f"{path.name}.part", anna.models / f"{path.name}.copy"
    if damage == "journal":
        journal.write_bytes(b"\xff{nonsense\n+1\n+99999\n+x\n")
        part.unlink()
    elif damage == "torn line":
        with journal.open("ab") as file:
            file.write(b"+9999999\n-x\n+3")
    elif damage == "piece":
        with part.open("r+b") as file:
            file.write(b"wrong")
    elif damage == "part gone":
        part.unlink()
    else:
        os.truncate(part, 100)
    async with lan(tmp_path, 2) as (anna, bert):
        await known(bert, "tiny", [anna])
        if damage == "journal":  # it isn't known any more what was copied
            journal.unlink()
            await asked(anna, id)
        await anna.has("tiny")
        assert (anna.models / path.name).read_bytes() == path.read_bytes()
        assert anna.files() == {path.name}


async def test_requests_for_the_same_model_share_one_copy(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        await asyncio.gather(*(asked(anna, id) for _ in range(5)))
        await anna.has("tiny")
        assert len(anna.copying.copies.progress()) == 1
        assert bert.asked == PIECES + 1


async def test_a_cancelled_copy_leaves_nothing(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        bert.fault = held = Held(3)
        id = await known(bert, "tiny", [anna])
        await asked(anna, id)
        await held.holding.wait()
        assert len(anna.files()) == 2
        await anna.copying.copies.cancel(id)
        assert anna.files() == set()
        assert anna.copies()["tiny"].state == "cancelled"
        bert.fault = None
        await asked(anna, id)  # somebody changes their mind
        await anna.has("tiny")
        with pytest.raises(NoSuchCopy):
            await anna.copying.copies.cancel(id)
        with pytest.raises(NoSuchCopy):
            await anna.copying.copies.cancel(ModelSum("0" * 64))


async def test_a_copy_that_does_not_fit_is_refused_at_once(tmp_path: Path, small_disk: SmallDisk) -> None:
    write_model(tmp_path / "1", size_bytes=13_000_000)
    async with lan(tmp_path, 2, models={0: small_disk.folder}) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        with pytest.raises(NoRoom, match=r"the model needs 13\.0 MB more .* make room for"):
            await asked(anna, id, size_bytes=13_000_000)
        await asked(anna, id, size_bytes=0)  # who asks doesn't know; the manifest does
        await until(lambda: anna.copies()["tiny"].state == "failed", "the copy to fail")
        assert "make room for" in anna.copies()["tiny"].error


async def test_room_is_kept_free(tmp_path: Path, small_disk: SmallDisk) -> None:
    write_model(tmp_path / "1")
    rules = replace(RULES, limits=replace(LIMITS, keep_free_bytes=11_000_000))
    async with lan(tmp_path, 2, models={0: small_disk.folder}, rules=rules) as (anna, bert):
        with pytest.raises(NoRoom, match=r"11\.0 MB must stay free"):
            await asked(anna, await known(bert, "tiny", [anna]))


async def test_a_disk_that_fills_up_on_the_way(tmp_path: Path, small_disk: SmallDisk) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 2, models={0: small_disk.folder}) as (anna, bert):
        bert.fault = held = Held(5)
        id = await known(bert, "tiny", [anna])
        await asked(anna, id)
        await held.holding.wait()
        await asyncio.to_thread(small_disk.fill)
        held.release.set()
        await until(lambda: anna.copies()["tiny"].state == "failed", "the copy to fail")
        assert "the disk is full" in anna.copies()["tiny"].error
        with pytest.raises(NoRoom):
            await asked(anna, id)
        small_disk.make_room()
        before = bert.asked
        await asked(anna, id)
        await anna.has("tiny")
        assert (anna.models / path.name).read_bytes() == path.read_bytes()
        assert bert.asked - before < PIECES  # what had come was kept


async def test_what_is_there_already_is_not_copied(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    write_model(tmp_path / "0", seed=1)  # another version
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        with pytest.raises(CantCopy, match="has a model tiny already, perhaps another version"):
            await asked(anna, id)
        own = await known(anna, "tiny", [bert])
        with pytest.raises(CantCopy, match="has the model already"):
            await asked(anna, own)


async def test_a_broken_file_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / path.name).write_bytes(path.read_bytes()[:1000])
    async with lan(tmp_path, 2) as (anna, bert):
        await asked(anna, await known(bert, "tiny", [anna]))
        await anna.has("tiny")
        assert anna.files() == {path.name, f"tiny/{path.name}"}
        found = anna.pool.find("tiny")
        assert found is not None and found.file.error is None


async def test_files_in_the_way_are_named(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    for folder in (tmp_path / "0", tmp_path / "0" / "tiny"):
        folder.mkdir()
        (folder / f"{path.name}.part").write_bytes(b"somebody else's")
    async with lan(tmp_path, 2) as (anna, bert):
        await asked(anna, await known(bert, "tiny", [anna]))
        await until(lambda: anna.copies()["tiny"].state == "failed", "the copy to fail")
        assert f"another file called {path.name}" in anna.copies()["tiny"].error
        assert len(anna.files()) == 2


@pytest.mark.parametrize("model", ["../up", "a/b/c", "a/..", "", "x" * 300, "Ünï", "other"])
async def test_names_that_are_no_models_or_not_this_one(tmp_path: Path, model: str) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        if model == "other":
            await asked(anna, id, model)  # whatever its folder is called, this file is listed as tiny
            await until(lambda: anna.copies()["other"].state == "failed", "the copy to fail")
            assert "can't be kept as model 'other'" in anna.copies()["other"].error
        else:
            with pytest.raises(CantCopy, match="not a model's name"):
                await asked(anna, id, model)
        assert anna.files() == set()


async def test_a_limit_of_speed_slows_and_breaks_nothing(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1", size_bytes=600_000)
    async with lan(tmp_path, 2, rules=replace(RULES, max_bytes_per_s=1_000_000)) as (anna, bert):
        await asked(anna, await known(bert, "tiny", [anna]), size_bytes=600_000)
        await anna.has("tiny")
        assert (anna.models / path.name).read_bytes() == path.read_bytes()

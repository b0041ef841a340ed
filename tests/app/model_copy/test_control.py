"""What the router does about copies: for people, for /v1/models, by itself."""

from pathlib import Path
from typing import Any

import pytest

from corral.app import peer_json
from corral.app.cluster.errors import NoSuchNode
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.models import Download
from corral.app.model_copy import wire
from corral.app.model_copy.copying import Rules
from corral.app.model_copy.errors import CantCopy, ChecksumPending, CopyFailed, NoRoom, NoSuchCopy
from corral.app.model_copy.second_copy import SLOW_MINUTES
from corral.app.serving.load_report import MOST_COPIES, CopyLive, LiveReport, decode_live, encode_live
from corral.app.serving.reporter import Reporter
from corral.engines.errors import ModelNotFound
from corral.engines.model import ModelStatus
from tests.app.model_copy.machines import CLAIM, Held, IdleTelemetry, Machine, known, lan, write_model
from tests.engines.waiting import until
from tests.small_disk import SmallDisk


def shown(machine: Machine) -> list[dict[str, Any]]:
    return [dict(each) for each in machine.copying.control.documents()]


async def test_the_router_lets_another_machine_fetch_a_model(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 3) as (router, bert, carl):
        await known(bert, "tiny", [router, carl])
        bert.fault = held = Held(3)
        begun = await router.copying.control.copy(model="Tiny", to=carl.name)
        assert begun["node"] == {"id": carl.node, "name": carl.name}
        assert (begun["model"], begun["bytes_total"], begun["error"]) == ("tiny", 2_000_000, None)
        await held.holding.wait()
        await until(lambda: any(each["bytes_downloaded"] for each in shown(router)), "the router to hear")
        (copy,) = shown(router)
        assert copy["id"] == begun["id"] and copy["state"] == "fetching" and copy["sources"] == 1
        assert 0 < copy["percent"] < 100
        again = await router.copying.control.copy(model="tiny", to=carl.node)
        assert again["id"] == begun["id"]
        held.release.set()
        await carl.has("tiny")
        await until(lambda: [each["state"] for each in shown(router)] == ["done"], "the router to hear")
        assert (carl.models / path.name).read_bytes() == path.read_bytes()


async def test_the_router_fetches_a_model_itself(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (router, bert):
        await known(bert, "tiny", [router])
        await router.copying.control.copy(model="tiny", to=router.node)
        await router.has("tiny")
        assert [each["percent"] for each in shown(router)] == [100.0]


async def test_what_can_not_be_copied(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 3) as (router, bert, carl):
        control = router.copying.control
        await known(bert, "tiny", [router])
        with pytest.raises(NoSuchNode):
            await control.copy(model="tiny", to="nobody")
        with pytest.raises(ModelNotFound, match="no machine that is on has a model 'huge'"):
            await control.copy(model="huge", to=carl.node)
        with pytest.raises(CantCopy, match=f"{bert.name} has model 'tiny' already"):
            await control.copy(model="tiny", to=bert.node)
        carl.gone = True
        with pytest.raises(CantCopy, match="is not there now"):
            await control.copy(model="tiny", to=carl.node)
        with pytest.raises(NoSuchCopy):
            await control.cancel("nothing-of-that-id")


async def test_a_model_that_is_not_summed_yet(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "parrot.echo").write_text("")  # an empty file has no content to name
    async with lan(tmp_path, 2) as (router, _):
        with pytest.raises(ChecksumPending, match="still being worked out"):
            await router.copying.control.copy(model="parrot", to=router.node)


async def test_the_router_cancels_a_copy_elsewhere(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 3) as (router, bert, carl):
        await known(bert, "tiny", [router, carl])
        bert.fault = held = Held(3)
        begun = await router.copying.control.copy(model="tiny", to=carl.node)
        await held.holding.wait()
        await until(lambda: bool(shown(router)), "the router to hear")
        await router.copying.control.cancel(begun["id"])
        assert carl.files() == set()
        await until(lambda: shown(router)[0]["state"] == "cancelled", "the router to hear")
        assert router.copying.control.downloads() == {}


async def test_refusals_of_the_other_machine_reach_who_asked(tmp_path: Path, small_disk: SmallDisk) -> None:
    write_model(tmp_path / "1", size_bytes=13_000_000)
    async with lan(tmp_path, 3, models={2: small_disk.folder}) as (router, bert, carl):
        await known(bert, "tiny", [router, carl])
        with pytest.raises(NoRoom, match=f"{carl.name}: the disk has .* make room for"):
            await router.copying.control.copy(model="tiny", to=carl.node)


async def test_a_router_that_is_no_longer_one_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (router, bert):
        id = await known(bert, "tiny", [router])
        for claim, body, status in (
            ("6.OLD", peer_json.encode(wire.Ask(model="tiny", id=id)), 409),
            (CLAIM, b"{", 400),
            (CLAIM, b'{"model": "tiny", "id": "../x"}', 400),
        ):
            response = await router.client.open(
                bert.node, "POST", wire.COPY_PATH, headers={wire.CLAIM_HEADER: claim}, body=body
            )
            assert response.status == status
            await response.read(10_000)
        response = await router.client.open(
            bert.node,
            "POST",
            wire.CANCEL_PATH,
            headers={wire.CLAIM_HEADER: CLAIM},
            body=peer_json.encode(wire.Cancel(id=id)),
        )
        with pytest.raises(NoSuchCopy):
            wire.raise_refusal(response.status, await response.read(10_000), machine="bert")


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (507, wire.refusal_of(NoRoom("full"))[1], NoRoom, "bert: full"),
        (409, wire.refusal_of(CantCopy("no"))[1], CantCopy, "bert: no"),
        (409, wire.refusal_of(CopyFailed("no"))[1], CopyFailed, "bert: no"),
        (404, b"no such path", CopyFailed, "can't copy models; update it"),
        (500, b"<html>", CopyFailed, "status 500"),
        (409, b'{"code": "from the future", "message": "hm"}', CantCopy, "bert: hm"),
    ],
)
def test_refusals(status: int, body: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        wire.raise_refusal(status, body, machine="bert")


def test_messages_come_through_and_golden_ones_are_understood() -> None:
    ask = wire.Ask(model="tiny:Q4_1", id="ab" * 32, size_bytes=5, quantization="Q4_1")
    assert peer_json.decode(wire.Ask, peer_json.encode(ask)) == ask
    golden = b'{"model":"tiny:Q4_1","id":"%s","size_bytes":5,"quantization":"Q4_1","new":1}' % (b"ab" * 32)
    assert peer_json.decode(wire.Ask, golden) == ask
    assert peer_json.decode(wire.Cancel, b'{"id":"%s"}' % (b"ab" * 32)) == wire.Cancel(id="ab" * 32)
    for garbage in (b"", b"\xff", b"[]", b'{"id": 5}', b"[" * 50_000):
        with pytest.raises(peer_json.Malformed):
            peer_json.decode(wire.Ask, garbage)


async def test_v1_models_shows_how_a_copy_goes(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 3) as (router, bert, carl):
        await known(bert, "tiny", [router, carl])
        bert.fault = held = Held(3)
        await router.copying.control.copy(model="tiny", to=carl.node)
        await held.holding.wait()
        downloads = router.copying.control.downloads
        await until(lambda: "tiny" in downloads() and downloads()["tiny"].bytes_downloaded > 0, "progress")
        download = downloads()["tiny"]
        assert download.document() == {
            "percent": download.percent,
            "bytes_downloaded": download.bytes_downloaded,
            "bytes_total": 2_000_000,
            "error": None,
        }
        await bert.die()
        await until(lambda: carl.copies()["tiny"].state == "failed", "the copy to fail")
        await until(lambda: downloads()["tiny"].error is not None, "the router to hear")
        assert "no machine that has model 'tiny' can be reached" in str(downloads()["tiny"].error)


LONG = "\U0001f980" * 400


def test_a_load_report_with_copies_comes_through_and_stays_small() -> None:
    copy = CopyLive(model="m", id="ab" * 32, state="fetching", done_bytes=5, total_bytes=9, sources=2)
    told = LiveReport(copies=(copy,))
    assert decode_live(encode_live(told)) == told
    golden = "81a17091" + "86a16da16da169d940" + b"ab".hex() * 32 + "a173a86665746368696e67a16405a17409a16e02"
    assert decode_live(bytes.fromhex(golden)) == told  # as version 1 wrote it
    long = CopyLive(model="m" * 200, id="ab" * 32, error=LONG, note=LONG)
    reporter = Reporter(
        pool=NoModels(),
        telemetry=IdleTelemetry(),
        endpoint=EndpointId("local"),
        experience=Experience(),
        copies=lambda: [long] * 20,
    )
    assert 0 < len(decode_live(reporter.live()).copies) <= MOST_COPIES


class NoModels:
    """A pool of a machine without models."""

    def models(self) -> tuple[ModelStatus, ...]:
        return ()


def test_per_cent() -> None:
    parts = [(0, 0), (0, 3), (1, 3), (2999, 3000), (3000, 3000)]
    shares = [Download(bytes_downloaded=done, bytes_total=total).percent for done, total in parts]
    assert shares == [0.0, 0.0, 33.3, 99.9, 100.0]


def wait_long(machine: Machine, model: str, minutes: int) -> None:
    for minute in range(minutes):
        machine.clock.now += 60.0 * (minute > 0)
        machine.copying.waited(model, 30.0)


async def test_a_second_copy_is_made_where_it_pays(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 3) as (router, bert, carl):
        await known(bert, "tiny", [router, carl])
        wait_long(router, "tiny", SLOW_MINUTES - 1)
        await router.copying.automatic.look()
        assert shown(router) == []
        wait_long(router, "tiny", SLOW_MINUTES)
        bert.fault = held = Held(3)
        await router.copying.automatic.look()
        await held.holding.wait()
        await until(lambda: bool(shown(router)), "the router to hear")
        assert {each["node"]["id"] for each in shown(router)} < {router.node, carl.node}
        await router.copying.automatic.look()  # one at a time
        assert len(shown(router)) == 1
        held.release.set()
        await until(lambda: shown(router)[0]["state"] == "done", "the copy to end")


async def test_machines_that_are_not_the_router_copy_nothing_by_themselves(tmp_path: Path) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (router, bert):
        await known(bert, "tiny", [router])
        wait_long(bert, "tiny", SLOW_MINUTES)
        await bert.copying.automatic.look()
        wait_long(router, "unknown", SLOW_MINUTES)
        await router.copying.automatic.look()
        assert shown(router) == shown(bert) == []


async def test_a_second_copy_that_fails_is_not_tried_again_at_once(
    tmp_path: Path, small_disk: SmallDisk
) -> None:
    write_model(tmp_path / "1", size_bytes=13_000_000)
    async with lan(tmp_path, 2, models={0: small_disk.folder}) as (router, bert):
        await known(bert, "tiny", [router])
        wait_long(router, "tiny", SLOW_MINUTES)
        for _ in range(2):
            await router.copying.automatic.look()
        assert shown(router) == []


def test_by_default_nothing_is_copied_by_itself() -> None:
    assert not Rules().automatically

"""The book of runtimes: who registers again, tokens, settings, on all machines of a cluster."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from corral.app.runtimes import book as books
from corral.app.runtimes.book import RuntimeBook, same
from corral.app.runtimes.errors import NoSuchRuntime, TooManyRuntimes
from corral.app.runtimes.record import Gpu, Registration, RuntimeId, RuntimeRecord, RuntimeSettings
from tests.app.runtimes.records import NOW, record, registration
from tests.app.store.files import dump, opened
from tests.peers.replication.ledgers import cluster


def nobody(_id: RuntimeId) -> bool:
    return False


def everybody(_id: RuntimeId) -> bool:
    return True


@pytest.mark.parametrize(
    ("new", "gone", "is_same"),
    [
        (registration(), nobody, True),
        (registration(machine_name="renamed", version="2"), nobody, True),  # one port can't be two servers
        (registration(runtime_port=9), everybody, False),
        (registration(address="192.0.2.8"), nobody, False),
        (registration(address="192.0.2.8", machine_name="ALPHA"), everybody, True),  # it got a new address
        (registration(address="192.0.2.8", machine_name="beta"), everybody, False),
        (registration(only_from="OTHER"), nobody, False),  # 127.0.0.1 of another machine
    ],
)
def test_who_registers_again(new: Registration, gone: Callable[[RuntimeId], bool], is_same: bool) -> None:
    assert (same(new, [record()], gone) is not None) == is_same


async def loaded(book: RuntimeBook) -> RuntimeBook:
    await book.load()
    return book


async def test_a_runtime_registers_and_registers_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (ledger, _):
        book = await loaded(RuntimeBook(ledger))
        wanted = registration(gpus=(Gpu(model="RTX 4090", count=2),))
        first = await book.register(wanted, now=NOW, gone=nobody)
        assert first.new and first.token.startswith("nt_") and len(first.token) == 35
        assert book.of_token(first.token) == first.record and book.of_token("nt_other") is None
        assert first.record.registration == wanted and first.record.base_url == "http://192.0.2.7:11435"
        await book.set(first.record.id, {"name": "big one"})
        await book.disconnect(first.record.id)
        again = await book.register(replace(wanted, version="0.2.0"), now=NOW + 5, gone=nobody)
        assert not again.new and again.record.id == first.record.id and again.token != first.token
        assert book.of_token(first.token) is None and book.of_token(again.token) == again.record
        assert (again.record.created_at, again.record.registered_at) == (NOW, NOW + 5)
        assert again.record.name == "big one" and not again.record.disconnected
        assert [each.registration.version for each in book.all()] == ["0.2.0"]
    assert again.token not in dump(tmp_path) and first.token not in dump(tmp_path)
    async with opened(tmp_path) as (ledger, _):
        book = await loaded(RuntimeBook(ledger))
        assert book.of_token(again.token) == again.record


async def test_settings_change_one_by_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as (ledger, _):
        book = await loaded(RuntimeBook(ledger))
        id = (await book.register(registration(), now=NOW, gone=nobody)).record.id
        await book.set(id, {"weight": 2.5, "max_concurrent": 3})
        changed = await book.set(id, {"enabled": False, "weight": 2})
        assert changed.settings == RuntimeSettings(enabled=False, weight=2, max_concurrent=3)
        await book.remove(id)
        assert book.all() == []
        for change in (book.set(id, {"weight": 1.0}), book.disconnect(id), book.remove(id)):
            with pytest.raises(NoSuchRuntime):
                await change


async def test_there_is_a_most(tmp_path: Path) -> None:
    async with opened(tmp_path) as (ledger, _):
        book = await loaded(RuntimeBook(ledger, most=2))
        for port in (1, 2):
            await book.register(registration(runtime_port=port), now=NOW, gone=nobody)
        with pytest.raises(TooManyRuntimes, match="2 runtimes"):
            await book.register(registration(runtime_port=3), now=NOW, gone=nobody)
        assert not (await book.register(registration(runtime_port=2), now=NOW, gone=nobody)).new


async def test_all_machines_know_it(tmp_path: Path) -> None:
    heard: list[str] = []
    async with cluster(tmp_path) as machines:
        here, there = await machines.start("a"), await machines.start("b")
        book = await loaded(RuntimeBook(here))
        other = await loaded(RuntimeBook(there, on_change=heard.extend))
        done = await book.register(registration(), now=NOW, gone=nobody)
        assert other.of_token(done.token) == done.record == other.get(done.record.id)
        await other.set(done.record.id, {"notes": "in the cellar"})
        assert book.all()[0].settings.notes == "in the cellar"
        await book.remove(done.record.id)
        assert other.of_token(done.token) is None and other.all() == []
    assert set(heard) == {done.record.id}


def test_what_another_version_wrote_is_no_harm() -> None:
    assert books._settings({"weight": "much"}) == RuntimeSettings()
    assert books._settings({"weight": 2, "color": "red"}) == RuntimeSettings(weight=2)
    assert books._gpus("two") == () and books._gpus(None) == ()


def test_records_say_where_they_are() -> None:
    addresses = [("192.0.2.7", "http://192.0.2.7:11435"), ("fd00::7", "http://[fd00::7]:11435")]
    assert [record(address=address).base_url for address, _ in addresses] == [url for _, url in addresses]
    named: RuntimeRecord = record(settings=RuntimeSettings(name="big one"))
    assert (record().name, named.name) == ("alpha", "big one")

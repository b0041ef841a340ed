"""Settings of the whole cluster: set on one machine, in force on all."""

from pathlib import Path

import pytest

from corral.app.cluster_settings import CLUSTER_ROWS, ClusterSettings
from corral.app.settings import SettingsError, default_settings
from corral.app.settings_table import Settings
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger
from tests.app.store.files import opened
from tests.peers.replication.ledgers import cluster


async def loaded(ledger: Ledger, folder: Path) -> ClusterSettings:
    settings = ClusterSettings(ledger, default_settings(folder))
    await settings.load()
    return settings


async def test_a_setting_is_in_force_everywhere_until_it_is_taken_back(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        here, there = [await loaded(each, tmp_path) for each in both.ledgers.values()]
        told: list[Settings] = []
        end = there.subscribe(told.append)
        await here.set("history_retention_days", 30)
        for each in (here, there):
            assert each.get("history_retention_days") == 30
            assert each.current.sources["history_retention_days"] == "cluster"
        await there.set("history_retention_days", None)
        for each in (here, there):
            assert each.get("history_retention_days") == 7
            assert each.current.sources["history_retention_days"] == "default"
        assert [each.history_retention_days for each in told] == [30, 7]
        end()
        await here.set("history", "off")
        assert there.get("history") == "off" and len(told) == 2


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("history", "everything", "history must be"),
        ("queue_max", 0, "at least 1"),
        ("queue_max", [1], "at least 1"),
        ("trust_loopback", True, "these can: .*history, "),
        ("nonsense", 1, "these can: .*history, "),
    ],
)
async def test_what_is_wrong_is_refused(tmp_path: Path, name: str, value: object, says: str) -> None:
    async with opened(tmp_path) as files:
        settings = await loaded(files.ledger, tmp_path)
        with pytest.raises(SettingsError, match=says):
            await settings.set(name, value)
        assert (await files.ledger.rows("settings")).rows == ()


async def test_what_only_a_later_version_understands_is_left_to_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        later = {"history": "encrypted", "queue_max": 5, "unheard_of": [1]}
        await files.ledger.write([Edit("settings", name, {"value": value}) for name, value in later.items()])
        settings = await loaded(files.ledger, tmp_path)
        assert (settings.get("history"), settings.get("queue_max")) == ("full", 5)


def test_no_secret_and_nothing_of_one_machine_alone_is_a_setting_of_the_cluster() -> None:
    assert set(CLUSTER_ROWS) == {
        "history",
        "history_retention_days",
        "response_retention_days",
        "queue_max",
        "queue_timeout_secs",
        "continue_streams",
        "node_timeout",
        "allow_no_gpu",
    }
    assert not any(row.secret for row in CLUSTER_ROWS.values())

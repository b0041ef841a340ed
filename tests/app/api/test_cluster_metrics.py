"""The cluster for Prometheus."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from corral.app.api.cluster_metrics import ClusterMetrics
from corral.app.cluster.numbers import ClusterNumbers
from tests.app.api.serving import serving

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
ALONE = ClusterNumbers(members=1, online=1, router="A", is_router=True, term=1)


class Stage:
    """Metrics of a cluster that a test makes up."""

    def __init__(self) -> None:
        self.numbers = ALONE
        self.now = 100.0
        self.registry = CollectorRegistry()
        self.metrics = ClusterMetrics(self.registry, lambda: self.numbers, clock=lambda: self.now)

    def router(self, router: str | None, *, after_s: float = 0.0) -> None:
        self.now += after_s
        self.numbers = replace(self.numbers, router=router)
        self.metrics.look()

    def lines(self) -> Iterator[str]:
        yield from generate_latest(self.registry).decode().splitlines()

    def value(self, name: str) -> float:
        return next(float(line.split()[-1]) for line in self.lines() if line.startswith(f"{name} "))


def test_gauges_are_of_now() -> None:
    stage = Stage()
    stage.numbers = ClusterNumbers(
        members=3,
        online=2,
        router="B",
        is_router=False,
        term=7,
        differing=1,
        skews_s={"desk": -0.5, 'a"b\n': 31.0},
    )
    names = ("members", "members_online", "is_router", "term", "members_differing")
    assert [stage.value(f"corral_cluster_{name}") for name in names] == [3, 2, 0, 7, 1]
    skews = [line for line in stage.lines() if line.startswith("corral_cluster_clock_skew_seconds{")]
    assert skews == [
        'corral_cluster_clock_skew_seconds{member="desk"} -0.5',
        'corral_cluster_clock_skew_seconds{member="a\\"b\\n"} 31.0',
    ]
    stage.numbers = ALONE
    assert not [line for line in stage.lines() if line.startswith("corral_cluster_clock_skew_seconds{")]


def test_takeovers_are_measured() -> None:
    stage = Stage()
    stage.router(None)  # before the first one: no takeover
    stage.router("A", after_s=3)
    stage.router(None, after_s=10)
    stage.router(None, after_s=1)
    stage.router("B", after_s=0.5)
    stage.router("C", after_s=5)  # handed over
    stage.router("C", after_s=1)
    assert stage.value("corral_cluster_router_changes_total") == 2
    assert stage.value("corral_cluster_takeover_seconds_count") == 1
    assert stage.value("corral_cluster_takeover_seconds_sum") == 1.5


def test_a_router_that_comes_back_is_no_change_but_was_missed() -> None:
    stage = Stage()
    stage.router("A")
    stage.router(None)
    stage.router("A", after_s=2)
    assert stage.value("corral_cluster_router_changes_total") == 0
    assert stage.value("corral_cluster_takeover_seconds_sum") == 2


async def test_the_operations_page_names_every_metric(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        text = (await http.get("/metrics")).text
    metrics = re.findall(r"^# TYPE (corral_\w+) ", text, re.MULTILINE)
    assert len(metrics) > 10
    page = await asyncio.to_thread(PAGE.read_text, encoding="utf-8")
    assert [each for each in metrics if not each.endswith("_created") and f"`{each}`" not in page] == []


async def test_a_node_shows_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        text = (await http.get("/metrics")).text
    assert "\ncorral_cluster_members 1.0\n" in text
    assert "\ncorral_cluster_members_online 1.0\n" in text

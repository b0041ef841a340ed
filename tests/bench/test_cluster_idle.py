"""What an idle node took, put into numbers."""

from bench.cluster_idle import Cost, Reading, cost, row


def test_what_a_node_took_is_counted_per_second() -> None:
    before = Reading(processor_s=10.0, traffic_bytes=1_000, memory_bytes=2**20)
    after = Reading(processor_s=10.5, traffic_bytes=626_000, memory_bytes=128 * 2**20)
    assert cost(before, after, 50.0) == Cost(core_percent=1.0, kbit_per_s=100.0, memory_mib=128.0)


def test_a_row_has_the_mean_the_worst_node_and_the_target_of_its_size() -> None:
    def node(core_percent: float) -> Cost:
        return Cost(core_percent=core_percent, kbit_per_s=core_percent * 100, memory_mib=120.0)

    assert row([node(0.2), node(0.2), node(0.5)]) == "| 3 | 0.30 | 0.50 | < 0.5 | 30 | 50 | < 50 | 120 |"
    assert row([node(0.2), node(0.4)]) == "| 2 | 0.30 | 0.40 |  | 30 | 40 |  | 120 |"

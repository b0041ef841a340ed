"""The step plan: every generating sequence advances, prompts share what is left."""

from hypothesis import given
from hypothesis import strategies as st

from corral.engines.llama.plan import (
    CHUNK,
    LEAST_PREFILL,
    Demand,
    Share,
    least_batch_tokens,
    passes,
    plan_step,
    prefill_budget,
)


def test_generating_sequences_get_one_token_each() -> None:
    demands = [Demand(1, 1, True), Demand(2, 1, True)]
    assert plan_step(demands, batch_tokens=512, budget=510) == [Share(1, 1, True), Share(2, 1, True)]


def test_a_long_prompt_is_read_in_chunks() -> None:
    assert plan_step([Demand(1, 6000, False)], batch_tokens=512, budget=512) == [Share(1, 512, False)]


def test_a_short_prompt_behind_a_long_one_starts_at_once() -> None:
    demands = [Demand(1, 6000, False), Demand(2, 100, False)]
    assert plan_step(demands, batch_tokens=512, budget=512) == [Share(1, 256, False), Share(2, 100, True)]


def test_scored_prompts_are_read_in_small_chunks() -> None:
    demands = [Demand(1, 500, False, chunk_limit=64)]
    assert plan_step(demands, batch_tokens=512, budget=512) == [Share(1, 64, False)]


def test_the_budget_shrinks_only_while_others_generate() -> None:
    assert prefill_budget(batch_tokens=2048, generating=0, tokens_per_s=200) == 2048
    assert prefill_budget(batch_tokens=2048, generating=8, tokens_per_s=1000) == 250
    assert prefill_budget(batch_tokens=2048, generating=8, tokens_per_s=1) == LEAST_PREFILL
    assert prefill_budget(batch_tokens=2048, generating=8, tokens_per_s=1e6) == 2040


demand_lists = st.lists(
    st.tuples(st.integers(1, 5000), st.booleans(), st.none() | st.integers(1, 64)), min_size=1, max_size=40
).map(lambda rows: [Demand(i, 1 if gen else n, gen, limit) for i, (n, gen, limit) in enumerate(rows)])


def test_no_small_rest_is_left() -> None:
    assert plan_step([Demand(1, 100, False)], batch_tokens=512, budget=64) == [Share(1, 100, True)]
    assert plan_step([Demand(1, 540, False)], batch_tokens=512, budget=512) == [Share(1, 448, False)]


@given(st.integers(1, 9000), st.integers(64, 2048))
def test_every_piece_of_a_prompt_is_a_chunk_at_least(pending: int, budget: int) -> None:
    whole = pending
    while pending:
        (share,) = plan_step([Demand(1, pending, False)], batch_tokens=2048, budget=budget)
        assert share.count >= min(CHUNK, whole)
        pending -= share.count


def test_long_pieces_go_alone_in_streams() -> None:
    shares = [Share(1, 1, True), Share(2, 40, True), Share(3, 64, False), Share(4, 512, False)]
    assert passes(shares, unified=False) == [shares[:2], [shares[2]], [shares[3]]]
    assert passes(shares, unified=True) == [shares]


@given(demand_lists, st.integers(least_batch_tokens(40), 2048), st.integers(1, 2048))
def test_a_plan_fits_and_always_advances(demands: list[Demand], batch_tokens: int, budget: int) -> None:
    shares = plan_step(demands, batch_tokens=batch_tokens, budget=budget)
    pending = {demand.key: demand.pending for demand in demands}
    assert sum(share.count for share in shares) <= batch_tokens
    assert len({share.key for share in shares}) == len(shares)
    assert all(0 < share.count <= pending[share.key] for share in shares)
    assert all(share.complete == (share.count == pending[share.key]) for share in shares)
    generating = [demand.key for demand in demands if demand.generating]
    assert [share.key for share in shares][: len(generating)] == generating
    prompts = [demand.key for demand in demands if not demand.generating]
    if prompts and batch_tokens > len(generating):
        assert shares[len(generating)].key == prompts[0], "the oldest prompt always advances"

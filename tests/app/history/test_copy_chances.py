"""Whatever happens to machines and cables, the router has every row and every sum once, and so has its standby."""

import random
from pathlib import Path

import pytest

from tests.app.history.copies import Lan, machines

NAMES = ("a", "b", "c", "d")
STEPS = 25


async def happen(lan: Lan, chance: random.Random, second: float) -> list[float]:
    """One thing; when the requests of it began."""
    running = [name for name in NAMES if any(name in side for side in lan.sides)]
    thing = chance.choice(["record", "record", "settle", "settle", "split", "restart", "look"])
    if thing == "record":
        router = chance.choice(sorted(lan.routers & set(running)))
        ats = [second + number / 8 for number in range(chance.randint(1, 6))]
        await lan[router].record(*ats)
        return ats
    if thing == "settle":
        await lan.settle(rounds=chance.randint(1, 2))
    elif thing == "look":
        await lan[chance.choice(running)].copying.look()
    elif thing == "restart":
        machine = lan[chance.choice(NAMES)]
        await machine.stop()
        await machine.start()
    else:
        names = chance.sample(NAMES, chance.randint(2, len(NAMES)))
        cut = chance.randint(1, len(names))
        sides = [side for side in (names[:cut], names[cut:]) if side]
        lan.split(*sides, routers=[chance.choice(side) for side in sides])
    return []


@pytest.mark.parametrize("seed", range(6))
async def test_by_chance(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    page_rows, part_bytes = chance.choice([(500, 2**20), (3, 400)])
    async with machines(tmp_path, *NAMES, page_rows=page_rows, part_bytes=part_bytes) as lan:
        ats: list[float] = []
        for step in range(STEPS):
            ats += await happen(lan, chance, float(step))
        router = chance.choice(NAMES)
        lan.split(NAMES, routers=[router])
        await lan.settle(rounds=8)
        assert await lan[router].times() == sorted(ats, reverse=True), f"seed {seed}"
        sums = await lan[router].sums()
        assert sum(row[3] for row in sums) == len(ats)
        equal = [
            name
            for name in NAMES
            if await lan[name].times() == await lan[router].times() and await lan[name].sums() == sums
        ]
        assert len(equal) >= 2, f"seed {seed}: {equal}"

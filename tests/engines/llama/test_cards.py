"""Which of ggml's devices models are kept on."""

import pytest

from corral.engines.llama.cards import Offer, backends, chosen, offers, usable_cards

CPU, GPU, INTEGRATED, ACCELERATOR = 0, 1, 2, 3


def offer(backend: str, kind: int = GPU, bus: str = "", free: int = 5) -> Offer:
    return Offer(
        backend=backend, kind=kind, description=backend, device_id=bus, free_bytes=free, total_bytes=9
    )


PROCESSOR = offer("CPU", CPU)
BLAS = offer("BLAS", ACCELERATOR)
CUDA = offer("CUDA", bus="0000:01:00.0")
VULKAN_TOO = offer("Vulkan", bus="0000:01:00.0")
RADEON = offer("Vulkan", bus="0000:02:00.0")
IRIS = offer("Vulkan", INTEGRATED, bus="0000:00:02.0")
IRIS_AGAIN = offer("SYCL", INTEGRATED, bus="0000:00:02.0")
METAL = offer("MTL")


@pytest.mark.parametrize(
    ("offered", "apple_silicon", "names", "shared"),
    [
        ([PROCESSOR, BLAS], False, [], False),
        ([CUDA, PROCESSOR], False, ["CUDA"], False),
        ([CUDA, VULKAN_TOO, RADEON, PROCESSOR], False, ["CUDA", "Vulkan"], False),
        ([IRIS, CUDA, PROCESSOR], False, ["CUDA"], False),
        ([IRIS, IRIS_AGAIN, PROCESSOR], False, ["Vulkan"], True),
        ([offer("RPC"), PROCESSOR], False, [], False),
        ([METAL, BLAS, PROCESSOR], True, ["MTL"], True),
        ([METAL, BLAS, PROCESSOR], False, ["MTL"], False),
        ([METAL, METAL], False, ["MTL", "MTL"], False),  # nobody knows where they are
    ],
)
def test_the_choice(offered: list[Offer], apple_silicon: bool, names: list[str], shared: bool) -> None:
    cards = chosen(offered, apple_silicon=apple_silicon)
    assert [card.name for card in cards] == names
    assert [card.index for card in cards] == list(range(len(cards)))
    assert all(card.shares_main_memory == shared for card in cards)


def test_this_build_offers_its_processor() -> None:
    found = [each for each in offers() if each.backend == "CPU"]
    assert [each.kind for each in found] == [CPU]
    assert found[0].total_bytes > 2**28
    assert found[0].description
    assert "CPU" in backends()
    assert len(usable_cards()) <= len(offers()) - 1

"""Loading a model on a card whose memory turns out to be too small."""

from pathlib import Path

import pytest

from corral.engines.devices import Devices, Gpu, Memory
from corral.engines.errors import InsufficientMemory, ModelBroken
from corral.engines.fit import Plan
from corral.engines.llama.llama_model import Output, opened
from corral.engines.model import Capability, LoadOptions, ModelFile, ModelName

GIB = 2**30
FILE = ModelFile(
    name=ModelName("m"),
    paths=(Path("m.gguf"),),
    size_bytes=5 * GIB,
    modified_at=0,
    context_length=8192,
    layers=36,
    kv_bytes_per_token=144 * 1024,
    capabilities=frozenset({Capability.CHAT}),
)
MACHINE = Devices(
    cores=6,
    memory=Memory(total_bytes=64 * GIB, available_bytes=64 * GIB),
    gpus=(Gpu(index=0, name="card", total_bytes=24 * GIB, free_bytes=24 * GIB),),
)
# as llama.cpp and CUDA say it
OUT_OF_MEMORY = "ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 4858054656\n"


class Card:
    """Takes at most so many layers."""

    def __init__(self, most: int, output: Output, *, says: str = OUT_OF_MEMORY) -> None:
        self.tried: list[int] = []
        self._most = most
        self._output = output
        self._says = says

    def __call__(self, plan: Plan) -> str:
        self.tried.append(plan.gpu_layers)
        if plan.gpu_layers > self._most:
            self._output("error", self._says)
            raise InsufficientMemory("no context")
        return "model"


@pytest.mark.parametrize(
    ("most", "tried"), [(37, [37]), (30, [37, 29]), (3, [37, 29, 23, 18, 14, 11, 8, 6, 4, 3])]
)
def test_fewer_layers_until_it_works(most: int, tried: list[int]) -> None:
    output = Output()
    card = Card(most, output)
    model, plan = opened(FILE, LoadOptions(), MACHINE, card, output)
    assert (model, card.tried, plan.gpu_layers) == ("model", tried, tried[-1])


def test_it_may_end_without_the_card(capfd: pytest.CaptureFixture[str]) -> None:
    output = Output()
    card = Card(0, output)
    _, plan = opened(FILE, LoadOptions(), MACHINE, card, output)
    assert (plan.gpu_layers, plan.gpu_memory_bytes, card.tried[-1]) == (0, 0, 0)
    assert "37 layers don't fit on the card; trying 29" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [(LoadOptions(gpu_layers=20), OUT_OF_MEMORY), (LoadOptions(), "llama_model_load: error: bad magic\n")],
)
def test_what_the_user_chose_or_what_is_broken_is_not_tried_again(options: LoadOptions, says: str) -> None:
    output = Output()
    card = Card(-1, output, says=says)
    with pytest.raises(InsufficientMemory):
        opened(FILE, options, MACHINE, card, output)
    assert len(card.tried) == 1


def test_an_earlier_shortage_does_not_count() -> None:
    output = Output()
    output("error", OUT_OF_MEMORY)

    def broken(plan: Plan) -> str:
        raise ModelBroken("bad magic")

    with pytest.raises(ModelBroken):
        opened(FILE, LoadOptions(), MACHINE, broken, output)

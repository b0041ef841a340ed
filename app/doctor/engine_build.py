"""Whether llama.cpp was built for what this machine has: the processor's features, graphics cards, their driver."""

from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.commands.screen import size
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.engines.accelerators import updated
from corral.engines.cards import card_vendors
from corral.engines.devices import Gpu, Memory, nvidia_cards, read_memory
from corral.engines.llama.build import Build, BuildUnknown, read_build
from corral.engines.processor import processor_features

_REBUILD = "Build it anew: `make engine`, see docs/hardware.md."
_OTHER_DRIVER = (
    "Update the card's driver: it may be older than what llama.cpp was built with. See docs/hardware.md."
)
_LITTLE_MEMORY_BYTES = 1_000_000_000
_OPTIONS = {"NVIDIA": "-DGGML_CUDA=on", "AMD": "-DGGML_HIP=on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """The machine, and the build that is to use it."""

    build: Build | None
    failure: str = ""  # why there is no build
    wrong_processor: bool = False  # it used what the processor hasn't
    features: frozenset[str] = frozenset()  # of the processor; empty: unknown
    gpus: tuple[Gpu, ...] = ()  # that NVIDIA's driver knows
    vendors: frozenset[str] = frozenset()  # of cards on the bus
    memory: Memory


def gather_machine() -> MachineFacts:
    """Ask llama.cpp, the processor, the drivers and the bus."""
    build, failure, wrong = None, "", False
    try:
        build = read_build()
    except BuildUnknown as error:
        failure, wrong = str(error), error.wrong_processor
    return MachineFacts(
        build=build,
        failure=failure,
        wrong_processor=wrong,
        features=processor_features(),
        gpus=nvidia_cards(),
        vendors=card_vendors(),
        memory=read_memory(),
    )


def judge_machine(facts: MachineFacts) -> list[Finding]:
    """Findings on the build, the cards and the memory."""
    return [_judge_build(facts), *_judge_gpu(facts), _judge_memory(facts.memory)]


def _judge_build(facts: MachineFacts) -> Finding:
    if facts.wrong_processor:
        return problem("llama.cpp", "it was built for another processor, and crashes on this one", _REBUILD)
    if facts.build is None:
        return problem("llama.cpp", f"it doesn't start: {facts.failure}", _REBUILD)
    unused = sorted(facts.features - facts.build.features)
    if unused:
        what = f"{facts.build.version} doesn't use what this processor has: {', '.join(unused)}"
        return warning("llama.cpp", what, _REBUILD)
    used = ", ".join(sorted(facts.features & facts.build.features))
    return ok("llama.cpp", f"{facts.build.version}, with {used}" if used else facts.build.version)


def _judge_gpu(facts: MachineFacts) -> list[Finding]:
    if "NVIDIA" in facts.vendors and not facts.gpus:
        what = "there is an NVIDIA card, but its driver doesn't answer"
        return [warning("graphics card", what, "Install NVIDIA's driver, and start the machine again.")]
    if facts.build is not None and facts.build.cards:
        return [ok("graphics card", _named(updated(facts.build.cards, facts.gpus)))]
    vendor = "NVIDIA" if facts.gpus else "AMD" if "AMD" in facts.vendors else ""
    if not vendor or facts.build is None:
        return [ok("graphics card", "none")]
    card = _named(facts.gpus) or f"the {vendor} card"
    if facts.build.gpu_backends:
        built_for = ", ".join(sorted(facts.build.gpu_backends))
        what = f"{card} isn't used: llama.cpp was built for {built_for}, but finds no card that it can use"
        return [warning("graphics card", what, _OTHER_DRIVER)]
    what = f"{card} isn't used: llama.cpp was built for the processor only"
    remedy = f'Build it anew: `make engine CMAKE_ARGS="{_OPTIONS[vendor]}"`, see docs/hardware.md.'
    return [warning("graphics card", what, remedy)]


def _named(cards: Sequence[Gpu]) -> str:
    return ", ".join(
        f"{card.name} ({size(card.total_bytes)}{f', driver {card.driver}' if card.driver else ''})"
        for card in cards
    )


def _judge_memory(memory: Memory) -> Finding:
    what = f"{size(memory.available_bytes)} of {size(memory.total_bytes)} are free"
    if memory.available_bytes < _LITTLE_MEMORY_BYTES:
        return warning("memory", what, "Close other programs: hardly any model fits.")
    return ok("memory", what)

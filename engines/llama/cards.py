"""The graphics cards that the llama.cpp in this process can use (include/ggml-backend.h). Only its own processes import this.

Asking CUDA takes hold of every card (some hundred MB on each), so the node asks in a process of its own (build.py).
"""

import ctypes
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp._ctypes_extensions import load_shared_library

from corral.engines.devices import Gpu

_GPU, _INTEGRATED = 1, 2  # enum ggml_backend_dev_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A device as ggml describes it."""

    backend: str  # "CUDA", "ROCm", "Vulkan", "MTL", "CPU", "BLAS", …
    kind: int  # enum ggml_backend_dev_type
    description: str
    device_id: str  # "0000:c1:00.0" on PCI; "" where it isn't known
    free_bytes: int
    total_bytes: int


class _Props(ctypes.Structure):
    """struct ggml_backend_dev_props"""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("caps", ctypes.c_bool * 16),  # five of them now; room for more
    )


def usable_cards() -> tuple[Gpu, ...]:
    """The cards that llama.cpp keeps layers on, with their free memory now. Blocks; CUDA takes a second at first."""
    return chosen(offers(), apple_silicon=sys.platform == "darwin" and platform.machine() == "arm64")


def chosen(offered: Sequence[Offer], *, apple_silicon: bool) -> tuple[Gpu, ...]:
    """llama.cpp's own choice: the cards with memory of their own, each once; without any, one backend's others.

    On Apple silicon, Metal calls memory its own that is the machine's. Pure.
    """
    cards: list[Offer] = []
    for offer in offered:
        twin = offer.device_id and any(offer.device_id == other.device_id for other in cards)
        if offer.kind == _GPU and offer.backend != "RPC" and not twin:
            cards.append(offer)
    integrated = [offer for offer in offered if offer.kind == _INTEGRATED]
    shared = apple_silicon or not cards
    if not cards:
        cards = [offer for offer in integrated if offer.backend == integrated[0].backend]
    return tuple(
        Gpu(
            index=index,
            name=card.description,
            total_bytes=card.total_bytes,
            free_bytes=card.free_bytes,
            bus_id=card.device_id,
            shares_main_memory=shared,
        )
        for index, card in enumerate(cards)
    )


def offers() -> tuple[Offer, ...]:
    """Everything that this build of ggml can compute on, processors included."""
    return tuple(_offer(_call("ggml_backend_dev_get", number)) for number in range(_count("dev")))


def backends() -> frozenset[str]:
    """What this build can use if the machine has it: CPU, CUDA, ROCm, Vulkan, MTL, BLAS, …"""
    registered = (_call("ggml_backend_reg_get", number) for number in range(_count("reg")))
    return frozenset(_name(each) for each in registered)


def _offer(device: int) -> Offer:
    props = _Props()
    _function("ggml_backend_dev_get_props", None, ctypes.c_void_p, ctypes.POINTER(_Props))(
        device, ctypes.byref(props)
    )
    return Offer(
        backend=_name(_call("ggml_backend_dev_backend_reg", device)),
        kind=int(props.type),
        description=_text(props.description),
        device_id=_text(props.device_id).lower(),
        free_bytes=int(props.memory_free),
        total_bytes=int(props.memory_total),
    )


def _count(what: str) -> int:
    return int(_function(f"ggml_backend_{what}_count", ctypes.c_size_t)())


def _call(name: str, argument: int) -> int:
    """A function from a pointer or a number to a pointer."""
    by_number = name.endswith("_get")
    kind: Any = ctypes.c_size_t if by_number else ctypes.c_void_p
    return int(_function(name, ctypes.c_void_p, kind)(argument))


def _name(registered: int) -> str:
    return _text(_function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)(registered))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """A C function of ggml, in whichever of its two libraries has it."""
    for library in _libraries():
        function: Any = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, list(arguments)
            return function
    raise AttributeError(f"this llama.cpp has no {name}")


@cache
def _libraries() -> tuple[ctypes.CDLL, ...]:
    folder = Path(llama_cpp.__file__).parent / "lib"
    return tuple(load_shared_library(name, folder) for name in ("ggml", "ggml-base"))

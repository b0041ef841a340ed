"""What this machine's processor can do that matters to llama.cpp, in llama.cpp's own words.

The macOS branch follows the documented interface and has not been run; see docs/platforms.md.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
_TIMEOUT_S = 10
_NAMES = {  # what systems call it → what llama.cpp's system info calls it
    "avx": "AVX",
    "avx1.0": "AVX",
    "avx2": "AVX2",
    "avx_vnni": "AVX_VNNI",
    "avx512f": "AVX512",
    "avx512vbmi": "AVX512_VBMI",
    "avx512_vnni": "AVX512_VNNI",
    "avx512_bf16": "AVX512_BF16",
    "amx_int8": "AMX_INT8",
    "fma": "FMA",
    "f16c": "F16C",
    "bmi2": "BMI2",
    "asimd": "NEON",
    "neon": "NEON",
    "asimddp": "DOTPROD",
    "feat_dotprod": "DOTPROD",
    "i8mm": "MATMUL_INT8",
    "feat_i8mm": "MATMUL_INT8",
    "sve": "SVE",
}


def features_of(words: Iterable[str]) -> frozenset[str]:
    """The features among a system's words for them."""
    return frozenset(_NAMES[word.lower()] for word in words if word.lower() in _NAMES)


def processor_features() -> frozenset[str]:
    """Empty where the system doesn't say (Windows)."""
    if sys.platform == "darwin":
        return features_of(_words_of_sysctl())
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    listed = (line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features")))
    return features_of(next(listed, "").split())


def _words_of_sysctl() -> list[str]:
    """Of Intel's and of Apple's processors."""
    keys = ("machdep.cpu.features", "machdep.cpu.leaf7_features", "hw.optional")
    try:
        told = subprocess.run(
            ["sysctl", *keys], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    words = []
    for line in told.splitlines():
        key, _, value = line.partition(":")
        if not key.startswith("hw.optional"):
            words += value.split()
        elif value.strip() == "1":
            words.append(key.rpartition(".")[2])
    return words

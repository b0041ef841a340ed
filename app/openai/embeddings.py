"""POST /v1/embeddings: body and answer."""

import base64
import struct
from typing import Annotated, Literal

import orjson
from pydantic import ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.openai.completions import TokenId
from corral.app.openai.usage import prompt_usage
from corral.app.openai.validation import Whole
from corral.engines.events import Done, EmbeddingResult, Event
from corral.engines.requests import EmbeddingRequest

MAX_INPUTS = 2048

_Inputs = Annotated[
    list[TokenId] | list[str] | list[list[TokenId]], Field(min_length=1, max_length=MAX_INPUTS)
]


class EmbeddingsRequest(JsonShape):
    """Body of POST /v1/embeddings. Fields nobody here knows are accepted."""

    model_config = ConfigDict(extra="allow", strict=True)

    model: Annotated[str, Field(min_length=1)]
    input: str | _Inputs
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[Whole, Field(ge=1, le=2**31 - 1)] | None = None

    def engine_request(self) -> EmbeddingRequest:
        return EmbeddingRequest(inputs=self._inputs(), dimensions=self.dimensions)

    def _inputs(self) -> tuple[str | tuple[int, ...], ...]:
        if isinstance(self.input, str):
            return (self.input,)
        if all(isinstance(each, int) for each in self.input):
            return (tuple(each for each in self.input if isinstance(each, int)),)
        return tuple(
            each if isinstance(each, str) else tuple(each) for each in self.input if not isinstance(each, int)
        )


class EmbeddingsDocument:
    """Writer for one answer."""

    def __init__(self, *, model: str, base64: bool) -> None:
        self._model = model
        self._base64 = base64
        self._vectors: tuple[bytes, ...] = ()
        self._done = Done(prompt_tokens=0)

    def add(self, event: Event) -> None:
        if isinstance(event, EmbeddingResult):
            self._vectors = event.vectors
        elif isinstance(event, Done):
            self._done = event

    def document(self) -> bytes:
        data = [
            {"object": "embedding", "index": index, "embedding": self._encoded(vector)}
            for index, vector in enumerate(self._vectors)
        ]
        return orjson.dumps(
            {"object": "list", "data": data, "model": self._model, "usage": prompt_usage(self._done)}
        )

    def _encoded(self, vector: bytes) -> str | tuple[float, ...]:
        """`vector` is little-endian float32, which is what clients expect inside the base64 too."""
        if self._base64:
            return base64.b64encode(vector).decode()
        return struct.unpack(f"<{len(vector) // 4}f", vector)

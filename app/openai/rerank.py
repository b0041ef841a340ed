"""POST /v1/rerank: body and answer, as Jina and Cohere have them."""

from typing import Annotated, Any

import orjson
from pydantic import ConfigDict, Field

from corral.app.json_shape import JsonShape
from corral.app.openai.translation import new_id
from corral.app.openai.usage import prompt_usage
from corral.app.openai.validation import Whole
from corral.engines.events import Done, Event, RerankResult
from corral.engines.requests import RerankRequest

MAX_DOCUMENTS = 1000
_OPEN = ConfigDict(extra="allow", strict=True)


class TextDocument(JsonShape):
    """A document that came as an object."""

    model_config = _OPEN

    text: str


class RerankBody(JsonShape):
    """Body of POST /v1/rerank. Fields nobody here knows are accepted."""

    model_config = _OPEN

    model: Annotated[str, Field(min_length=1)]
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[list[str | TextDocument], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: Annotated[Whole, Field(ge=1)] | None = None
    return_documents: bool | None = None

    def texts(self) -> tuple[str, ...]:
        return tuple(each if isinstance(each, str) else each.text for each in self.documents)

    def engine_request(self) -> RerankRequest:
        return RerankRequest(query=self.query, documents=self.texts())


class RerankDocument:
    """Writer for one answer: most relevant documents first."""

    def __init__(self, body: RerankBody) -> None:
        self._body = body
        self._scores: tuple[float, ...] = ()
        self._done = Done(prompt_tokens=0)

    def add(self, event: Event) -> None:
        if isinstance(event, RerankResult):
            self._scores = event.scores
        elif isinstance(event, Done):
            self._done = event

    def document(self) -> bytes:
        ranking = sorted(range(len(self._scores)), key=lambda index: -self._scores[index])
        results = [self._result(index) for index in ranking[: self._body.top_n]]
        answer = {
            "id": new_id("rerank"),
            "object": "list",
            "model": self._body.model,
            "results": results,
            "usage": prompt_usage(self._done),
        }
        return orjson.dumps(answer)

    def _result(self, index: int) -> dict[str, Any]:
        result: dict[str, Any] = {"index": index, "relevance_score": self._scores[index]}
        if self._body.return_documents:
            result["document"] = {"text": self._body.texts()[index]}
        return result

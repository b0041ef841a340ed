"""Which request body belongs to which path, and how each is translated."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from corral.app.openai.chat_document import ChatDocument
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.chat_stream import ChatStream
from corral.app.openai.completion_answer import CompletionDocument, CompletionStream
from corral.app.openai.completions import TextCompletionRequest
from corral.app.openai.embeddings import EmbeddingsDocument, EmbeddingsRequest
from corral.app.openai.rerank import RerankBody, RerankDocument
from corral.app.openai.token_count import COUNT_PATH, ChatToCount, TokenCountDocument
from corral.app.openai.translation import AnswerHead, Translation, new_id
from corral.app.openai.validation import validated

Json = Mapping[str, Any]
Translate = Callable[[Json, int], Translation]  # body, Unix time


def translate_chat(json: Json, now: int) -> Translation:
    """Raises InvalidRequest."""
    body = validated(ChatCompletionRequest, json)
    return replace(chat_answer(body, now), requests=(body.engine_request(),))


def chat_answer(body: ChatCompletionRequest, now: int) -> Translation:
    """How a chat is answered, whoever does it: a translation without requests."""
    head = AnswerHead(id=new_id("chatcmpl"), created=now, model=body.model)
    return Translation(
        document=partial(
            ChatDocument,
            head,
            choices=body.choices,
            functions=body.uses_functions,
            logprobs=bool(body.logprobs),
        ),
        stream=partial(
            ChatStream,
            head,
            choices=body.choices,
            functions=body.uses_functions,
            include_usage=body.includes_usage,
        )
        if body.stream
        else None,
    )


def translate_completion(json: Json, now: int) -> Translation:
    """Raises InvalidRequest."""
    body = validated(TextCompletionRequest, json)
    requests = body.engine_requests()
    return replace(completion_answer(body, now), requests=requests)


def completion_answer(body: TextCompletionRequest, now: int) -> Translation:
    """How a plain completion is answered, whoever does it: a translation without requests."""
    head = AnswerHead(id=new_id("cmpl"), created=now, model=body.model)
    choices = len(body.prompts) * body.choices
    return Translation(
        choices_each=body.choices,
        document=partial(CompletionDocument, head, choices=choices, logprobs=body.logprobs is not None),
        stream=partial(CompletionStream, head, choices=choices, include_usage=body.includes_usage)
        if body.stream
        else None,
    )


def translate_embeddings(json: Json, _now: int) -> Translation:
    """Raises InvalidRequest."""
    body = validated(EmbeddingsRequest, json)
    return replace(embeddings_answer(body), requests=(body.engine_request(),))


def embeddings_answer(body: EmbeddingsRequest) -> Translation:
    """How embeddings are answered, whoever makes them: a translation without requests."""
    return Translation(
        document=partial(EmbeddingsDocument, model=body.model, base64=body.encoding_format == "base64")
    )


def translate_rerank(json: Json, _now: int) -> Translation:
    """Raises InvalidRequest."""
    body = validated(RerankBody, json)
    return Translation(requests=(body.engine_request(),), document=partial(RerankDocument, body))


def translate_token_count(json: Json, _now: int) -> Translation:
    """Raises InvalidRequest."""
    body = validated(ChatToCount, json)
    return Translation(requests=(body.engine_request(),), document=TokenCountDocument)


TRANSLATIONS: Mapping[str, Translate] = {
    "/v1/chat/completions": translate_chat,
    "/v1/completions": translate_completion,
    "/v1/embeddings": translate_embeddings,
    "/v1/rerank": translate_rerank,
    COUNT_PATH: translate_token_count,
}

"""From a request to what the loops work on: prompt tokens, samplers, grammars, parsers. Runs outside the decode loop."""

import itertools
import threading
from collections.abc import Callable

from llguidance import LLTokenizer

from corral.engines.engine import RequestId
from corral.engines.errors import ContextLengthExceeded, InvalidRequest, ModelLacksCapability
from corral.engines.llama.answer import Answer
from corral.engines.llama.chat_format import ChatFormat
from corral.engines.llama.constraint import Constraint, GrammarCompiler, build_tokenizer
from corral.engines.llama.native import Ints, Model, as_tokens
from corral.engines.llama.parser import OutputParser
from corral.engines.llama.pooled import PooledJob
from corral.engines.llama.sampler import Sampler
from corral.engines.llama.sequence import Job, Sequence, token_room
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    ContinuedChat,
    EmbeddingRequest,
    Gbnf,
    Generation,
    JsonObject,
    OutputFormat,
    RerankRequest,
)


class Pieces:
    """The bytes of each token, fetched once. Control tokens are empty unless they are in `shown`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._plain: dict[int, bytes] = {}

    def plain(self, token: int) -> bytes:
        data = self._plain.get(token)
        if data is None:
            data = self._plain[token] = self._model.piece(token)
        return data

    def showing(self, texts: frozenset[str]) -> Callable[[int], bytes]:
        """As `plain`, but these control tokens keep their text, because a parser looks for it."""
        shown = {}
        for text in texts:
            ids = self._model.tokenize(text, add_special=False, parse_special=True)
            if len(ids) == 1 and self._model.is_control(ids[0]):
                shown[ids[0]] = text.encode()
        if not shown:
            return self.plain
        return lambda token: shown.get(token) or self.plain(token)


class Preparer:
    """Knows the model's vocabulary and chat format. Thread-safe."""

    def __init__(self, *, model: Model, context_length: int, chat: ChatFormat | None) -> None:
        self._model = model
        self._context_length = context_length
        self._chat = chat
        self._pieces = Pieces(model)
        self._keys = itertools.count()
        self._compiler: GrammarCompiler | None = None
        self._compiler_lock = threading.Lock()

    def chat(self, request_id: RequestId, request: ChatRequest) -> list[Sequence]:
        """Raises InvalidRequest and its kinds."""
        prepared = self._known_chat().prepare(request, self.grammars)
        generation = request.generation
        return self._choices(
            request_id,
            generation,
            self._prompt_tokens(prepared.prompt, prepared.answer_so_far),
            stop=(*generation.stop, *prepared.stop),
            constraint=prepared.constraint,
            parser=prepared.parser_factory,
            piece=self._pieces.showing(prepared.preserved_special),
        )

    def count(self, prompt: ChatRequest | CompletionRequest) -> int:
        """Tokens of the prompt, also of one that is too long. Raises InvalidRequest and its kinds."""
        if isinstance(prompt, ChatRequest):
            so_far = prompt.answer_so_far if isinstance(prompt, ContinuedChat) else ""
            return len(self._prompt_tokens(self._known_chat().prompt(prompt), so_far))
        return len(self._infill(prompt) if prompt.suffix is not None else self._plain_prompt(prompt.prompt))

    def _known_chat(self) -> ChatFormat:
        if self._chat is None:
            raise ModelLacksCapability("this model has no chat template; use /v1/completions", param="model")
        return self._chat

    def completion(self, request_id: RequestId, request: CompletionRequest) -> list[Sequence]:
        """Raises InvalidRequest and its kinds."""
        generation = request.generation
        tokens = self._infill(request) if request.suffix is not None else self._plain_prompt(request.prompt)
        choices = self._choices(
            request_id,
            generation,
            tokens,
            stop=generation.stop,
            constraint=self._constraint(generation.output_format),
            parser=None,
            piece=self._pieces.plain,
        )
        if request.echo:
            choices[0].job.echo = self._shown_prompt(request.prompt)
            for choice in choices:
                choice.score_prompt = generation.top_logprobs is not None
        return choices

    def embedding(
        self, request_id: RequestId, request: EmbeddingRequest, *, capacity: int, width: int
    ) -> PooledJob:
        """`capacity`: most tokens of one input. Raises InvalidRequest and its kinds."""
        if request.dimensions is not None and request.dimensions > width:
            raise InvalidRequest(
                f"this model's embeddings have {width} dimensions; ask for at most that many",
                param="dimensions",
            )
        inputs = [self._plain_prompt(text, field="input") for text in request.inputs]
        for tokens in inputs:
            _check_length(len(tokens), capacity, field="input")
        return PooledJob(request_id=request_id, inputs=inputs, rank=False, dimensions=request.dimensions)

    def rerank(self, request_id: RequestId, request: RerankRequest, *, capacity: int) -> PooledJob:
        """`capacity`: most tokens of query and document together. Raises InvalidRequest and its kinds."""
        inputs = [self._pair(request.query, document) for document in request.documents]
        for tokens in inputs:
            _check_length(len(tokens), capacity, field="documents")
        return PooledJob(request_id=request_id, inputs=inputs, rank=True)

    def grammars(self) -> GrammarCompiler:
        """Made when the first request needs one: it indexes the whole vocabulary."""
        with self._compiler_lock:
            if self._compiler is None:
                self._compiler = GrammarCompiler(self._grammar_tokenizer())
            return self._compiler

    def _grammar_tokenizer(self) -> LLTokenizer:
        model = self._model
        ids = range(model.vocabulary_size)
        control = {token for token in ids if model.is_control(token)}
        return build_tokenizer(
            pieces=[model.piece(token, special=True) for token in ids],
            special=control,
            eos_ids=sorted(model.end_tokens()),
            tokenize=lambda data: model.tokenize(data, add_special=False, parse_special=False),
        )

    def _constraint(self, wanted: OutputFormat | None) -> Constraint | None:
        if wanted is None:
            return None
        if isinstance(wanted, JsonObject):
            return self.grammars().json_object()
        if isinstance(wanted, Gbnf):
            return self.grammars().gbnf(wanted.grammar)
        return self.grammars().json_schema(wanted.schema)

    def _choices(
        self,
        request_id: RequestId,
        generation: Generation,
        tokens: Ints,
        *,
        stop: tuple[str, ...],
        constraint: Constraint | None,
        parser: Callable[[], OutputParser] | None,
        piece: Callable[[int], bytes],
    ) -> list[Sequence]:
        room = self._context_length - len(tokens)
        _check_length(len(tokens), self._context_length - 1, field="messages" if parser else "prompt")
        limit = room if generation.max_tokens is None else min(room, generation.max_tokens)
        job = Job(request_id=request_id, open_choices=generation.n, prompt_tokens=len(tokens))
        return [
            Sequence(
                key=next(self._keys),
                job=job,
                index=index,
                tokens=token_room(tokens, limit),
                size=len(tokens),
                prompt_size=len(tokens),
                limit=limit,
                sampler=Sampler(generation.sampling, model=self._model, prompt=tokens, choice=index),
                answer=Answer(index=index, piece=piece, stop=stop, parser=parser() if parser else None),
                mask=None if constraint is None else constraint.clone(),
                top_logprobs=generation.top_logprobs,
                repeatable=generation.sampling.seed is not None,
            )
            for index in range(generation.n)
        ]

    def _prompt_tokens(self, text: str, answer: str = "") -> Ints:
        """A rendered chat: control tokens count, and the template may have written BOS already. Behind it the beginning
        of the answer, in tokens of its own, as it was generated; where that would change the text, joined to the chat.
        """
        said = self._encode(answer) if answer else []
        if b"".join(self._pieces.plain(token) for token in said) != answer.encode("utf-8", "replace"):
            text, said = text + answer, []
        ids = [*self._model.tokenize(text, add_special=False, parse_special=True), *said]
        if self._model.adds_bos and (not ids or ids[0] != self._model.bos):
            ids = [self._model.bos, *ids]
        return as_tokens(ids)

    def _plain_prompt(self, prompt: str | tuple[int, ...], *, field: str = "prompt") -> Ints:
        if isinstance(prompt, str):
            ids = self._model.tokenize(prompt, add_special=True, parse_special=True)
        else:
            ids = list(prompt)
            if wrong := [token for token in ids if not 0 <= token < self._model.vocabulary_size]:
                raise InvalidRequest(
                    f"token {wrong[0]} is outside this model's vocabulary of {self._model.vocabulary_size}",
                    param=field,
                )
        if not ids and self._model.bos >= 0:
            ids = [self._model.bos]
        if not ids:
            raise InvalidRequest("the text is empty", param=field)
        return as_tokens(ids)

    def _infill(self, request: CompletionRequest) -> Ints:
        prefix, suffix, middle = self._model.fim
        if min(prefix, suffix, middle) < 0:
            raise InvalidRequest(
                "this model's vocabulary has no fill-in-the-middle tokens; leave `suffix` out", param="suffix"
            )
        before = request.prompt
        ids = self._encode(before) if isinstance(before, str) else list(before)
        start = [self._model.bos] if self._model.adds_bos else []
        return as_tokens([*start, prefix, *ids, suffix, *self._encode(request.suffix or ""), middle])

    def _encode(self, text: str) -> list[int]:
        return self._model.tokenize(text, add_special=False, parse_special=False)

    def _pair(self, query: str, document: str) -> Ints:
        """Query and document as the reranker was trained to see them: by its own template, else with its separators."""
        model = self._model
        if template := model.rerank_template:
            text = template.replace("{query}", query).replace("{document}", document)
            return as_tokens(model.tokenize(text, add_special=False, parse_special=True))
        start = [model.bos] if model.adds_bos else []
        end = [model.eos] if model.adds_eos else []
        between = [model.separator] if model.adds_separator else []
        return as_tokens([*start, *self._encode(query), *end, *between, *self._encode(document), *end])

    def _shown_prompt(self, prompt: str | tuple[int, ...]) -> str:
        if isinstance(prompt, str):
            return prompt
        return b"".join(self._pieces.plain(token) for token in prompt).decode("utf-8", "replace")


def _check_length(tokens: int, most: int, *, field: str) -> None:
    if tokens > most:
        raise ContextLengthExceeded(
            f"this text has {tokens} tokens, but the model takes at most {most} here; shorten it,"
            " or raise context_length in the model's settings if the model was trained for more",
            param=field,
        )

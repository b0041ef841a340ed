"""The fields that chat and plain completion share, and what they mean to an engine."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator

from corral.app.json_shape import JsonShape
from corral.app.openai.validation import Whole
from corral.engines.errors import InvalidRequest
from corral.engines.requests import Gbnf, Generation, JsonObject, JsonSchema, OutputFormat, Sampling

MAX_CHOICES = 16
MAX_STOPS = 16
_INT32 = 2**31 - 1
_INT64 = 2**63 - 1
_GRAMMAR_CHARACTERS = 256 * 1024

Count = Annotated[Whole, Field(ge=1, le=_INT32)]
Probability = Annotated[float, Field(ge=0, le=1)]


class StreamOptions(JsonShape):
    """Options of a streamed answer."""

    model_config = ConfigDict(extra="allow", strict=True)

    include_usage: bool | None = None


class SchemaFormat(JsonShape):
    """The schema of a json_schema response format."""

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] | None = None
    schema_: dict[str, Any] | bool | None = Field(default=None, alias="schema")
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(JsonShape):
    """What the answer's text has to be."""

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    type: Annotated[str, Field(pattern="^(text|json_object|json_schema)$")]
    json_schema: SchemaFormat | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")  # llama-server's place for it

    def output_format(self) -> OutputFormat | None:
        """Raises InvalidRequest."""
        if self.type == "text":
            return None
        schema = self.json_schema.schema_ if self.json_schema is not None else None
        schema = self.schema_ if schema is None else schema
        if schema is not None:
            return JsonSchema(schema=schema)
        if self.type == "json_object":
            return JsonObject()
        raise InvalidRequest(
            "a json_schema format needs its schema", param="response_format.json_schema.schema"
        )


class GenerationFields(JsonShape):
    """Sampling, limits and output format. Fields nobody here knows are accepted."""

    model_config = ConfigDict(extra="allow", strict=True)

    model: Annotated[str, Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[Whole, Field(ge=1, le=MAX_CHOICES)] | None = None
    max_tokens: Count | None = None
    stop: str | list[str] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[Whole, Field(ge=-1, le=_INT32)] | None = None
    min_p: Probability | None = None
    typical_p: Annotated[float, Field(gt=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    repeat_last_n: Annotated[Whole, Field(ge=-1, le=_INT32)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    seed: Annotated[Whole, Field(ge=-_INT64 - 1, le=_INT64)] | None = None
    response_format: ResponseFormat | None = None
    grammar: Annotated[str, Field(min_length=1, max_length=_GRAMMAR_CHARACTERS)] | None = None

    @field_validator("stop")
    @classmethod
    def _few_and_not_empty(cls, value: str | list[str] | None) -> str | list[str] | None:
        stops = [value] if isinstance(value, str) else value or []
        if len(stops) > MAX_STOPS:
            raise ValueError(f"at most {MAX_STOPS} stop strings are possible, not {len(stops)}")
        if "" in stops:
            raise ValueError("a stop string must not be empty")
        return value

    @field_validator("logit_bias")
    @classmethod
    def _token_ids(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for key in value or ():
            if not (key.isascii() and key.isdigit() and int(key) <= _INT32):
                raise ValueError(f"the keys are token ids (whole numbers), not {key[:20]!r}")
        return value

    @property
    def choices(self) -> int:
        return self.n or 1

    @property
    def includes_usage(self) -> bool:
        """Whether the stream ends with a chunk of usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def generation(self, *, max_tokens: int | None, top_logprobs: int | None) -> Generation:
        """Raises InvalidRequest."""
        stops = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Generation(
            sampling=self._sampling(),
            max_tokens=max_tokens,
            stop=stops,
            n=self.choices,
            top_logprobs=top_logprobs,
            output_format=self._output_format(),
        )

    def _sampling(self) -> Sampling:
        wanted: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": None if self.top_k is None else max(0, self.top_k),
            "min_p": self.min_p,
            "typical_p": self.typical_p,
            "repeat_penalty": self.repeat_penalty or self.repetition_penalty,
            "repeat_last_n": self.repeat_last_n,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "logit_bias": {int(token): bias for token, bias in (self.logit_bias or {}).items()},
            "seed": self.seed,
        }
        return Sampling(**{name: value for name, value in wanted.items() if value is not None})

    def _output_format(self) -> OutputFormat | None:
        wanted = None if self.response_format is None else self.response_format.output_format()
        if self.grammar is None:
            return wanted
        if wanted is not None:
            raise InvalidRequest(
                "`grammar` and `response_format` exclude each other; send one of them", param="grammar"
            )
        return Gbnf(grammar=self.grammar)

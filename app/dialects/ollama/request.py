"""The bodies that Ollama's clients send, and the requests they stand for."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from corral.app.dialects.asking import is_cloud
from corral.app.dialects.ollama.messages import chat_messages, with_pictures
from corral.app.dialects.ollama.options import format_fields, generation_fields, thinking_fields
from corral.app.json_shape import JsonShape
from corral.app.openai.validation import Whole
from corral.engines.errors import InvalidRequest

_OPEN = ConfigDict(extra="allow", strict=True)
_NO_TEMPLATE = "{{ .Prompt }}"
_STREAM = {"stream": True, "stream_options": {"include_usage": True}}

Fields = dict[str, Any]
Name = Annotated[str, Field(min_length=1)]


class GenerationBody(JsonShape):
    """What chats and single prompts have in common. Fields nobody here knows are accepted."""

    model_config = _OPEN

    model: Name
    options: Fields | None = None
    format: str | Fields | None = None
    stream: bool | None = None  # unless it is false
    think: bool | str | None = None
    keep_alive: float | str | None = None  # machines unload by their own settings
    logprobs: bool | None = None
    top_logprobs: Whole | None = None

    @property
    def streams(self) -> bool:
        """Answers are streamed unless that is declined."""
        return self.stream is not False

    @property
    def shows_thinking(self) -> bool:
        """Whether the client sees what the model thinks."""
        return self.think is not False

    @property
    def is_to_unload(self) -> bool:
        """Of a request without a prompt: whether the model is to be unloaded instead of loaded."""
        return self.keep_alive in (0, "0", "0s", "0m")

    def shared(self) -> Fields:
        """Fields of a chat completion or a completion. Raises InvalidRequest."""
        fields = {
            "model": self.model,
            **generation_fields(self.options or {}),
            **format_fields(self.format),
        }
        return fields | _STREAM if self.streams else fields

    def for_chat(self, messages: list[Fields]) -> Fields:
        """A chat completion. Raises InvalidRequest."""
        body = {**self.shared(), "messages": messages, **thinking_fields(self.think)}
        if is_cloud(self.model):
            body.pop("chat_template_kwargs", None)
        if self.logprobs:
            body["logprobs"] = True
            if self.top_logprobs is not None:
                body["top_logprobs"] = self.top_logprobs
        return body


class ChatBody(GenerationBody):
    """Body of POST /api/chat. Without messages the model is only loaded."""

    messages: list[Fields] | None = None
    tools: list[Fields] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.messages

    def chat_body(self) -> Fields:
        """The body for /v1/chat/completions. Raises InvalidRequest."""
        body = self.for_chat(chat_messages(self.messages or []))
        return body | {"tools": self.tools} if self.tools else body


class GenerateBody(GenerationBody):
    """Body of POST /api/generate. Without a prompt the model is only loaded."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    raw: bool | None = None
    context: list[Whole] | None = None
    images: list[str] | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.prompt or self.suffix or self.images)

    @property
    def is_plain(self) -> bool:
        """Whether the prompt is continued as it is, without the model's chat template."""
        return bool(self.raw or self.suffix) or (self.template or "").strip() == _NO_TEMPLATE

    def check(self) -> None:
        """Raises InvalidRequest for what would change the answer and can't be done."""
        if self.template and not self.is_plain:
            raise InvalidRequest(
                "`template` can't be given: models have their own. Leave it out, or write the whole prompt and set `raw`",
                param="template",
            )
        if self.context:
            raise InvalidRequest(
                "`context` is not supported; send the conversation to /api/chat", param="context"
            )
        if self.is_plain and self.images:
            raise InvalidRequest(
                "`images` need a chat template; leave `raw` and `suffix` out", param="images"
            )

    def chat_body(self) -> Fields:
        """The body for /v1/chat/completions. Raises InvalidRequest."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        content = with_pictures(self.prompt or "", self.images, "images")
        return self.for_chat([*system, {"role": "user", "content": content}])

    def plain_body(self, *, most_tokens: int) -> Fields:
        """The body for /v1/completions, of at most so many tokens unless the client says how many.

        Raises InvalidRequest.
        """
        before = f"{self.system}\n\n" if self.system and not self.raw else ""
        body = {"max_tokens": most_tokens, **self.shared(), "prompt": before + (self.prompt or "")}
        return body | {"suffix": self.suffix} if self.suffix else body


class EmbedBody(JsonShape):
    """Body of POST /api/embed."""

    model_config = _OPEN

    model: Name
    input: str | list[str]
    truncate: bool | None = None  # unless it is false
    dimensions: Annotated[Whole, Field(ge=1)] | None = None
    options: Fields | None = None
    keep_alive: float | str | None = None


class EmbeddingsBody(JsonShape):
    """Body of POST /api/embeddings, the older form."""

    model_config = _OPEN

    model: Name
    prompt: str
    options: Fields | None = None
    keep_alive: float | str | None = None


class ModelBody(JsonShape):
    """Body of what is about one model; `name` is the older word for it."""

    model_config = _OPEN

    model: str | None = None
    name: str | None = None
    stream: bool | None = None

    @property
    def asked(self) -> str:
        """Raises InvalidRequest."""
        found = self.model or self.name
        if not found:
            raise InvalidRequest(
                "`model` is missing: name one of those that GET /api/tags lists", param="model"
            )
        return found

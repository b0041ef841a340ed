"""The bodies of the audio and images routes. Fields nobody here knows are accepted, and passed on."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from corral.app.json_shape import JsonShape
from corral.app.openai.validation import Whole

_File = Annotated[dict[str, Any], WithJsonSchema({"type": "string", "format": "binary"})]
_Name = Annotated[str, Field(min_length=1)]
_SIZE = r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$"


class _Open(JsonShape):
    """`model` must be there."""

    model_config = ConfigDict(extra="allow")

    model: _Name


class TranscriptionForm(_Open):
    """Form of POST /v1/audio/transcriptions."""

    file: _File
    language: str | None = None
    prompt: str | None = None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    stream: bool | None = None


class TranslationForm(_Open):
    """Form of POST /v1/audio/translations."""

    file: _File
    prompt: str | None = None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None


class SpeechRequest(_Open):
    """Body of POST /v1/audio/speech."""

    input: Annotated[str, Field(min_length=1)]
    voice: str | dict[str, Any]
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None


class _Pictures(_Open):
    n: Annotated[Whole, Field(ge=1, le=10)] | None = None
    size: Annotated[str, Field(pattern=_SIZE)] | None = None
    response_format: Literal["url", "b64_json"] | None = None


class ImageGenerationRequest(_Pictures):
    """Body of POST /v1/images/generations."""

    prompt: Annotated[str, Field(min_length=1)]
    quality: str | None = None
    style: str | None = None
    stream: bool | None = None


class ImageEditForm(_Pictures):
    """Form of POST /v1/images/edits."""

    image: _File | list[_File]
    prompt: Annotated[str, Field(min_length=1)]
    mask: _File | None = None


class ImageVariationForm(_Pictures):
    """Form of POST /v1/images/variations."""

    image: _File

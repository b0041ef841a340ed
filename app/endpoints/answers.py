"""What a server answered to the questions by which its kind and its models are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MODELS: Final = "/v1/models"
OLLAMA_TAGS: Final = "/api/tags"
OLLAMA_VERSION: Final = "/api/version"
OLLAMA_SHOW: Final = "/api/show"
LM_STUDIO_MODELS: Final = "/api/v0/models"
VERSION: Final = "/version"
PROPS: Final = "/props"
XLLM_SYSTEM: Final = "/api/system"
XLLM_DEVICE: Final = "/v0/system"
CORRAL_INFO: Final = "/pair/info"

ALL_PATHS: Final = (
    MODELS,
    OLLAMA_TAGS,
    OLLAMA_VERSION,
    LM_STUDIO_MODELS,
    VERSION,
    PROPS,
    XLLM_SYSTEM,
    XLLM_DEVICE,
    CORRAL_INFO,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `json` is None if it was none; `program` is its header `Server`."""

    status: int
    json: Any = None
    program: str = ""

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON object of an answer that went well; empty if there is none.

        LM Studio answers paths that it doesn't know with 200 and an `error`.
        """
        if not 200 <= self.status < 300 or not isinstance(self.json, dict) or "error" in self.json:
            return {}
        return self.json


_NOTHING = Answer(status=404)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """By path; what wasn't asked or not answered is missing."""

    by_path: Mapping[str, Answer] = field(default_factory=dict)

    def document(self, path: str) -> Mapping[str, Any]:
        """As `Answer.document`."""
        return self.by_path.get(path, _NOTHING).document

    def listed(self, path: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        """The objects of a list in an answer; None if it has no such list."""
        found = self.document(path).get(name)
        if not isinstance(found, list):
            return None
        return [each for each in found if isinstance(each, dict)]

    @property
    def program(self) -> str:
        """What the server calls itself in its headers."""
        return next((each.program for each in self.by_path.values() if each.program), "")

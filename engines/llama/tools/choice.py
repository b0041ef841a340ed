"""Which family a template belongs to."""

from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.format import ToolFormat
from corral.engines.llama.tools.generic import Generic
from corral.engines.llama.tools.harmony import Harmony
from corral.engines.llama.tools.hermes import Hermes
from corral.engines.llama.tools.listed import LISTINGS, Listed
from corral.engines.llama.tools.llama3 import Llama3
from corral.engines.llama.tools.mistral import Mistral
from corral.engines.llama.tools.sections import deepseek, kimi
from corral.engines.llama.tools.tagged import GLM, MINIMAX, QWEN_CODER, SEED, Tagged

_FORMATS: tuple[ToolFormat, ...] = (
    Harmony(),
    Hermes(),
    Mistral(lists=True),
    Mistral(lists=False),
    deepseek(fenced=True),
    deepseek(fenced=False),
    kimi(),
    Tagged("qwen-coder", QWEN_CODER),
    Tagged("seed", SEED),
    Tagged("glm", GLM),
    Tagged("minimax", MINIMAX),
    *(Listed(listing) for listing in LISTINGS),
    Llama3(),
)
_GENERIC = Generic()


def choose_format(template: ChatTemplate) -> ToolFormat:
    """The family whose calls the template writes; the generic one where none is recognised."""
    return next((format for format in _FORMATS if format.fits(template)), _GENERIC)

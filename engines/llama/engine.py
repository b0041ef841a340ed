"""The llama.cpp engine, as a node knows it."""

from typing import TYPE_CHECKING

from corral.engines.engine import Progress
from corral.engines.model import LoadOptions, ModelFile

if TYPE_CHECKING:
    from corral.engines.llama.llama_model import LlamaModel


class LlamaEngine:
    """Serves GGUF files. Makes one model per process."""

    def can_load(self, file: ModelFile) -> bool:
        return file.format == "gguf" and file.error is None

    def load(self, file: ModelFile, options: LoadOptions, progress: Progress) -> "LlamaModel":
        """Raises ModelBroken or InsufficientMemory."""
        from corral.engines.llama.llama_model import load_model  # 40 MB of libraries, which only workers need

        return load_model(file, options, progress)

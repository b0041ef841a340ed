"""Whether the model files are whole."""

import asyncio
from collections.abc import Sequence

from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.settings_table import Settings
from corral.engines.library import Library
from corral.engines.model import ModelFile


def gather_models(settings: Settings) -> tuple[ModelFile, ...]:
    """Read the header of every model file."""
    library = Library(folder=settings.models_dir, extra_folders=settings.model_folders)
    return asyncio.run(library.scan())


def judge_models(models: Sequence[ModelFile]) -> list[Finding]:
    """One finding for each broken file, or one for all."""
    broken = [
        problem("models", f"{model.paths[0]}: {model.error}", "Fetch the file again, or remove it.")
        for model in models
        if model.error is not None
    ]
    if broken:
        return broken
    if not models:
        return [warning("models", "there is no model", "Put a GGUF file into the models folder.")]
    return [ok("models", f"{len(models)} whole: {', '.join(sorted(model.name for model in models))}")]

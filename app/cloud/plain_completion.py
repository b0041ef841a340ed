"""Plain completions at providers that only chat: the prompt is what the user says. Pure."""

from corral.app.cloud.call import refuse
from corral.app.cloud.providers import Provider
from corral.app.openai.completions import TextCompletionRequest
from corral.engines.errors import InvalidRequest


def plain_prompt(body: TextCompletionRequest, provider: Provider) -> str:
    """The one text to go on with. Raises InvalidRequest."""
    refuse(body, ("suffix", "echo"), provider.title)
    if body.best_of is not None and body.best_of != body.choices:
        raise InvalidRequest("`best_of` other than `n` is not possible", param="best_of")
    prompts = body.prompts
    if len(prompts) != 1 or not isinstance(prompts[0], str):
        raise InvalidRequest(
            f"models of {provider.title} go on with one text at a time, no token numbers", param="prompt"
        )
    return prompts[0]

"""Ollama's options, formats and thoughts as fields of a chat completion. Pure."""

from collections.abc import Mapping
from typing import Any

from corral.engines.errors import InvalidRequest

_SAME = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
)
_EFFORTS = ("low", "medium", "high")


def generation_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the options. Those of loading a model, as `num_ctx`, are the machine's own business."""
    fields = {name: options[name] for name in _SAME if options.get(name) not in (None, [])}
    if fields.get("top_p") == 0:
        fields |= {"top_p": 1.0, "temperature": 0.0}  # the most likely token only, which is what it means
    if isinstance(seed := fields.get("seed"), int) and seed < 0:
        del fields["seed"]  # any
    wanted = options.get("num_predict")
    if isinstance(wanted, int | float) and wanted > 0:  # below it stands for "until the model stops"
        fields["max_tokens"] = wanted
    return fields


def format_fields(format: object) -> dict[str, Any]:
    """What the answer's text has to be. Raises InvalidRequest."""
    if format is None or format == "":
        return {}
    if format == "json":
        return {"response_format": {"type": "json_object"}}
    if not isinstance(format, dict):
        raise InvalidRequest('`format` must be "json" or a JSON schema', param="format")
    schema = {"name": "answer", "schema": format, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def thinking_fields(think: object) -> dict[str, Any]:
    """Whether, and how much, the model may think. Raises InvalidRequest."""
    if think is None:
        return {}
    if isinstance(think, bool):
        return {"chat_template_kwargs": {"enable_thinking": think}}
    if think not in _EFFORTS:
        raise InvalidRequest("`think` must be true, false, low, medium or high", param="think")
    return {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": think}

"""GET /v1/models as Anthropic's clients expect it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.app.times import rfc3339
from corral.engines.errors import InvalidRequest

_DEFAULT_LIMIT, _MOST = 20, 1000

Document = Mapping[str, Any]


def model_info(document: Document) -> dict[str, Any]:
    """One entry, from one of GET /v1/models."""
    context: int = document["context_length"]
    return {
        "type": "model",
        "id": document["id"],
        "display_name": document["id"],
        "created_at": rfc3339(document["created"]),
        "max_input_tokens": context or None,
        "max_tokens": context or None,
    }


def model_page(documents: Sequence[Document], query: Mapping[str, str]) -> dict[str, Any]:
    """The models that chat; `query` has limit, after_id and before_id. Raises InvalidRequest."""
    infos = [model_info(each) for each in documents if each["capabilities"]["chat_completion"]]
    ids = [each["id"] for each in infos]
    limit = _limit(query.get("limit"))
    first, last = 0, len(infos)
    if (after := query.get("after_id")) is not None:
        first = _place(ids, after, "after_id") + 1
    if (before := query.get("before_id")) is not None:
        last = _place(ids, before, "before_id")
        page = infos[max(first, last - limit) : last]
    else:
        page = infos[first : first + limit]
    return {
        "data": page,
        "has_more": len(page) < last - first,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST):
        raise InvalidRequest(f"`limit` must be a number from 1 to {_MOST}", param="limit")
    return int(text)


def _place(ids: Sequence[str], id: str, name: str) -> int:
    if id not in ids:
        raise InvalidRequest(f"`{name}`: there is no such model", param=name)
    return ids.index(id)

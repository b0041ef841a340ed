"""The history over HTTP: list, detail, export."""

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson

from corral.app.api import history_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.query import choice, moment, text, whole_number
from corral.app.api.request_errors import RequestNotFound
from corral.app.api.route import JSON, Handler, Query, Route
from corral.app.dashboard import recording_document
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.gateway.recording import Outcome
from corral.app.history.recorder import RecordingStatus
from corral.app.history.redaction import readable
from corral.app.history.summary import summary_of_row
from corral.app.store.history import ERROR, History, HistoryFilter
from corral.engines.errors import InvalidRequest

PAGE_SIZES = (10, 25, 50, 100)
_PATH = "/v0/dashboard/request-responses"
_STATUS = re.compile(r"[1-5](\d\d|xx)")
_STATUS_WORDS = (*Outcome, ERROR)
_MOST_PAGES = 1_000_000
_MOST_CHOICES = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets run cells that begin so
_CSV = "text/csv; charset=utf-8"

_FILTERS = (
    Query(name="model", description="Only requests for this model, as the client wrote it."),
    Query(name="endpoint", description="Id or name of the endpoint that answered."),
    Query(name="runtime", description="Name of the machine that answered."),
    Query(name="user", description="Id or name of the key or user."),
    Query(
        name="status",
        description=f"A status (404), a class (4xx), an outcome ({', '.join(Outcome)}), or error: refused or failed.",
    ),
    Query(name="start", description="Not before this RFC 3339 time."),
    Query(name="end", description="Before this RFC 3339 time."),
    Query(name="q", description="Words that the request or its answer has; the last one may go on."),
)
_PAGES = (
    Query(
        name="page",
        description="Which page, from 1.",
        schema={"type": "integer", "minimum": 1, "maximum": _MOST_PAGES, "default": 1},
    ),
    Query(
        name="per_page",
        description="Rows of a page.",
        schema={"type": "integer", "enum": list(PAGE_SIZES), "default": 50},
    ),
)
_FORMAT = Query(
    name="format",
    description="csv or json.",
    schema={"type": "string", "enum": ["csv", "json"], "default": "csv"},
)


class HistoryRoutes:
    """Handlers of /v0/dashboard/request-responses."""

    def __init__(self, *, history: History, recording: Callable[[], RecordingStatus]) -> None:
        self._history = history
        self._recording = recording

    async def list(self, call: Call) -> GatewayResponse:
        wanted = filter_of(call)
        page = whole_number(call.query, "page", default=1, low=1, high=_MOST_PAGES)
        size = _page_size(call)
        rows = await self._history.page(wanted, offset=(page - 1) * size, limit=size)
        document = {
            "requests": [summary_of_row(row) for row in rows],
            "total": await self._history.count(wanted),
            "page": page,
            "per_page": size,
            "recording": recording_document(self._recording()),
        }
        return json_answer(document)

    async def filters(self, call: Call) -> GatewayResponse:
        found = await self._history.choices(most=_MOST_CHOICES)
        return json_answer({what: [dict(row) for row in rows] for what, rows in found.items()})

    async def one(self, call: Call) -> GatewayResponse:
        row = await self._history.find(call.parameters["id"])
        if row is None:
            raise RequestNotFound
        return json_answer(_detail(dict(row), summary_of_row(row)))

    async def export(self, call: Call) -> GatewayResponse:
        wanted = filter_of(call)
        form = choice(call.query, "format", ("csv", "json")) or "csv"
        pages = self._pages(wanted)
        return GatewayResponse(
            status=200,
            headers={
                "content-type": _CSV if form == "csv" else JSON,
                "content-disposition": f'attachment; filename="corral-history.{form}"',
                "cache-control": "no-store",
            },
            body=_csv(pages) if form == "csv" else _json(pages),
            streamed=True,
        )

    async def _pages(self, wanted: HistoryFilter) -> AsyncIterator[Sequence[dict[str, Any]]]:
        async for rows in self._history.every(wanted):
            yield [_detail(dict(row), summary_of_row(row)) for row in rows]

    def routes(self) -> Sequence[Route]:
        return [
            _route("", self.list, "List the history of requests", answers.Requests, (*_PAGES, *_FILTERS)),
            Route(
                method="GET",
                path=f"{_PATH}/export",
                handler=self.export,
                summary="Export the history of requests",
                access=MANAGEMENT,
                answer=answers.RequestDetails,
                answer_types=(JSON, "text/csv"),
                queries=(_FORMAT, *_FILTERS),
            ),
            _route(
                "/filters", self.filters, "What the history can be filtered by", answers.RequestFilters, ()
            ),
            _route("/<id>", self.one, "Show one request with its texts", answers.RequestDetail, (), (404,)),
        ]


def _route(
    path: str,
    handler: Handler,
    summary: str,
    answer: Any,
    queries: tuple[Query, ...],
    errors: tuple[int, ...] = (),
) -> Route:
    return Route(
        method="GET",
        path=_PATH + path,
        handler=handler,
        summary=summary,
        access=MANAGEMENT,
        answer=answer,
        queries=queries,
        errors=errors,
    )


def filter_of(call: Call) -> HistoryFilter:
    """What a query asks for. Raises InvalidRequest."""
    query = call.query
    status = text(query, "status")
    if status is not None and status not in _STATUS_WORDS and not _STATUS.fullmatch(status):
        raise InvalidRequest(
            f"`status` must be a status such as 404, a class such as 4xx, or one of: {', '.join(_STATUS_WORDS)}",
            param="status",
        )
    return HistoryFilter(
        model=text(query, "model"),
        endpoint=text(query, "endpoint"),
        runtime=text(query, "runtime"),
        user=text(query, "user"),
        status=status,
        start=moment(query, "start"),
        end=moment(query, "end"),
        words=text(query, "q"),
    )


def _page_size(call: Call) -> int:
    size = whole_number(call.query, "per_page", default=50, low=1, high=max(PAGE_SIZES))
    if size not in PAGE_SIZES:
        allowed = ", ".join(map(str, PAGE_SIZES))
        raise InvalidRequest(f"`per_page` must be one of: {allowed}", param="per_page")
    return size


def _detail(row: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    return {
        **summary,
        "request_body": readable(row["request_body"]) if row["request_body"] else None,
        "answer_body": readable(row["answer_body"]) if row["answer_body"] else None,
    }


async def _json(pages: AsyncIterator[Sequence[dict[str, Any]]]) -> AsyncIterator[bytes]:
    """One array."""
    glue = b"[\n"
    async for page in pages:
        yield glue + b",\n".join(map(orjson.dumps, page))
        glue = b",\n"
    yield b"[]\n" if glue == b"[\n" else b"\n]\n"


async def _csv(pages: AsyncIterator[Sequence[dict[str, Any]]]) -> AsyncIterator[bytes]:
    yield _csv_lines([answers.COLUMNS])
    async for page in pages:
        yield _csv_lines([[_cell(_column(each, name)) for name in answers.COLUMNS] for each in page])


def _csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode()


def _column(document: dict[str, Any], name: str) -> Any:
    """`who.name` is the name of who."""
    value: Any = document
    for part in name.split("."):
        value = None if value is None else value[part]
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    shown = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{shown}" if shown.startswith(_FORMULA) else shown

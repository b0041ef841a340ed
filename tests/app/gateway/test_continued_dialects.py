"""Streams in other clients' dialects go on too: they stand above the gateway."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corral.app.gateway.experience import Experience
from tests.app.api.serving import serving
from tests.app.gateway.test_chaos import TEXT, WELL
from tests.app.upstream.asking import endpoint_over, upstream_client
from tests.fakes.openai_server import MODEL, openai_server

ASKS = [{"role": "user", "content": "say it"}]
_SAID = {
    "/v1/responses": re.compile(r'"type":"response.output_text.delta"[^\n]*?"delta":"([^"]*)"'),
    "/v1/messages": re.compile(r'"text_delta","text":"([^"]*)"'),
    "/api/chat": re.compile(r'"content":"([^"]*)"'),
}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/responses", {"input": "say it"}),
        ("/v1/messages", {"max_tokens": 50, "messages": ASKS}),
        ("/api/chat", {"messages": ASKS}),
    ],
)
async def test_a_broken_stream_goes_on(path: str, fields: dict[str, Any], tmp_path: Path) -> None:
    async with upstream_client() as client, openai_server(plan=WELL) as one, openai_server(plan=WELL) as two:
        experience = Experience()
        endpoints = [
            endpoint_over(server, client, id=f"e{number}", file_id="same", experience=experience)
            for number, server in enumerate((one, two))
        ]
        for server in (one, two):
            server.plans.append(replace(WELL, cuts_after=3))
        async with serving(tmp_path, endpoints=endpoints, now=time.time) as node, node.http() as http:
            answer = await http.post(path, json={"model": MODEL, "stream": True, **fields})
        assert answer.status_code == 200
        assert "".join(_SAID[path].findall(answer.text)) == TEXT
        (record,) = node.log.records
        assert len(record.trace.continued_on) == 2 and record.trace.error_code is None

"""Records as the edge makes them."""

from typing import Any

from corral.app.gateway.endpoint import Client
from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind
from corral.app.gateway.recording import RequestRecord
from corral.app.gateway.trace import Trace
from corral.app.ids import new_id

NOW = 1_700_000_000.0
PHONE = Principal(kind=PrincipalKind.API_KEY, id=PrincipalId("k1"), name="phone")


def record(*, at: float = NOW, who: Principal | None = PHONE, **fields: Any) -> RequestRecord:
    """An answered chat request; `fields` are of the record, or `trace`."""
    given = {
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": "m",
        "status": 200,
        "content_type": "application/json",
        "request_body": b'{"messages":[{"role":"user","content":"hello world"}]}',
        "answer": [b'{"choices":[{"message":{"content":"good morning"}}]}'],
        "duration_s": 0.5,
        "trace": Trace(
            endpoint_id="local:a", endpoint_name="a", node_name="a", prompt_tokens=3, completion_tokens=2
        ),
        **fields,
    }
    return RequestRecord(
        id=new_id(at),
        request_id="r",
        started_at=at,
        client=Client(address="192.168.1.7", principal=who),
        **given,
    )

"""One of everything that machines say to copy the history; `golden/` has it as each version wrote it, in hexadecimal."""

from pathlib import Path

from corral.app.history import copy_wire as wire

_GOLDEN = Path(__file__).parent / "golden"

MESSAGES: dict[str, wire.Told | wire.Ask | wire.Page | wire.AskBodies | wire.Bodies] = {
    "told": wire.Told(log="l1", number=7, holds=False, standby="NODE"),
    "ask": wire.Ask(log="l1", number=6),
    "page": wire.Page(
        log="l2",
        number=9,
        more=True,
        requests=(
            wire.RequestRow(
                id="q1",
                request_id="r",
                started_at=1_700_000_000.25,
                method="POST",
                path="/v1/chat/completions",
                model="m",
                endpoint_id="local:a",
                endpoint_name="a",
                node_name="a",
                who_kind="api_key",
                who_id="k1",
                who_name="phone",
                address="192.168.1.7",
                status=502,
                outcome="failed",
                error_code="endpoint_failed",
                streamed=1,
                duration_s=1.5,
                queued_s=0.25,
                first_token_s=0.5,
                prompt_tokens=3,
                cached_tokens=1,
                completion_tokens=2,
                request_bytes=50,
                answer_bytes=60,
            ),
            wire.RequestRow(id="q2", started_at=1_700_000_001.0),
        ),
        usage=(
            wire.UsageRow(
                hour=1_699_999_200,
                model="m",
                endpoint_id="local:a",
                who_kind="api_key",
                who_id="k1",
                who_name="phone",
                address="192.168.1.7",
                requests=4,
                failures=1,
                refusals=2,
                prompt_tokens=3,
                cached_tokens=1,
                completion_tokens=2,
                duration_s=1.5,
                log="l2",
            ),
        ),
        audit=(
            wire.AuditRow(
                id="a1",
                at=1_700_000_000.5,
                who_kind="session",
                who_id="u1",
                who_name="Ada",
                address="::1",
                action="Revoke an API key",
                method="DELETE",
                path="/v0/api-keys/k1",
                status=200,
                request_id="r",
                details='{"name":"phone"}',
            ),
        ),
        responses=(
            wire.ResponseRow(
                id="resp_1",
                created_at=1_700_000_000.5,
                api_key_id="k1",
                expires_at=1_700_604_800.5,
                deleted=1,
            ),
        ),
    ),
    "ask_bodies": wire.AskBodies(requests=("q1", "q2"), responses=("resp_1",)),
    "bodies": wire.Bodies(
        texts=(wire.Text(id="q1", request_body="{}", answer_body="é", searched="hello"),),
        contents=(wire.ResponseContent(id="resp_1", document=b"{}", input_items=b"[]"),),
        done=3,
    ),
}


def golden(name: str) -> bytes:
    """As version 1 wrote it."""
    return bytes.fromhex((_GOLDEN / f"{name}.v1.hex").read_text(encoding="ascii"))

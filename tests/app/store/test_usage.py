"""Sums for quotas, from what the recorder writes."""

from pathlib import Path

from corral.app.gateway.endpoint import Client
from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind
from corral.app.gateway.quotas import DAY_S, Used, day_start
from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.gateway.trace import Trace
from corral.app.history.recorder import Recorder
from corral.app.ids import new_id
from corral.app.store.database import open_database
from corral.app.store.usage import used_since

MIDNIGHT = 20_000.0 * DAY_S


def record(
    who: str, at: float, *, kind: PrincipalKind = PrincipalKind.API_KEY, outcome: Outcome = Outcome.OK
) -> RequestRecord:
    principal = Principal(kind=kind, id=PrincipalId(who), name=who)
    return RequestRecord(
        id=new_id(at),
        request_id="r",
        started_at=at,
        method="POST",
        path="/v1/chat/completions",
        client=Client(address="127.0.0.1", principal=principal),
        trace=Trace(prompt_tokens=3, completion_tokens=4, cached_tokens=2),
        model="m",
        outcome=outcome,
    )


async def test_what_keys_used_today(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "corral.db")
    try:
        recorder = Recorder(database=database)
        for each in (
            record("a", MIDNIGHT - 1),
            record("a", MIDNIGHT),
            record("a", MIDNIGHT + 9 * 3600),
            record("a", MIDNIGHT + 9 * 3600, outcome=Outcome.CANCELLED),
            record("a", MIDNIGHT + 9 * 3600, outcome=Outcome.REFUSED),
            record("b", MIDNIGHT + 1, outcome=Outcome.FAILED),
            record("u", MIDNIGHT + 1, kind=PrincipalKind.SESSION),
        ):
            recorder.put(each)
        await recorder.flush()
        found = await used_since(database, day_start(MIDNIGHT + 10 * 3600))
    finally:
        await database.close()
    assert found == {"a": Used(requests=3, tokens=28), "b": Used(requests=0, tokens=7)}

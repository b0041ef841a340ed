"""Looking after endpoints: when, and what comes of it; on one machine and on the next router."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from corral.app.endpoints.health import Status
from corral.app.endpoints.prober import Prober
from corral.app.gateway.endpoint import EndpointId
from tests.app.endpoints.external import External
from tests.app.store.files import opened
from tests.engines.waiting import until
from tests.fakes.ollama_server import LLAMA, OllamaModel, ollama_server
from tests.fakes.openai_server import MODEL, FakeOpenAI, openai_server
from tests.fakes.vllm_server import vllm_server
from tests.peers.replication.ledgers import cluster


class Time:
    """Of a clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, prober: Prober, seconds: float) -> None:
        self.now += seconds
        prober.look_again()


@asynccontextmanager
async def alone(folder: Path, time: Time) -> AsyncIterator[External]:
    async with opened(folder) as (ledger, _):
        external = External(ledger, clock=time)
        async with external.running():
            yield external


async def added(external: External, fake: FakeOpenAI, name: str = "box", **values: object) -> str:
    document = await external.control.create(
        base_url=fake.base_url, api_key=None, values={"name": name, **values}
    )
    return str(document["id"])


def asked(fake: FakeOpenAI, path: str = "/v1/models") -> int:
    return sum(each.path == path for each in fake.received)


async def test_each_is_asked_at_its_own_interval(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as often, openai_server() as seldom, alone(tmp_path, time) as external:
        await added(external, often, "often", health_check_interval_s=10)
        await added(external, seldom, "seldom", health_check_interval_s=100)
        for count in (2, 3):
            time.pass_by(external.prober, 11.1)  # with the jitter
            await until(lambda count=count: asked(often) == count, "it is asked again")  # type: ignore[misc]
        assert asked(seldom) == 1
        time.pass_by(external.prober, 110)
        await until(lambda: asked(seldom) == 2, "it is asked again too")


async def test_a_failure_is_looked_into_soon(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        await fake.stop()
        time.pass_by(external.prober, 34)
        await until(lambda: external.prober.health(id).status is Status.ERROR, "it failed once")
        (endpoint,) = external.endpoints()
        assert not endpoint.machine().online
        time.pass_by(external.prober, 2.1)
        await until(lambda: external.prober.health(id).status is Status.OFFLINE, "it failed twice")
        await fake.start()
        time.pass_by(external.prober, 34)
        await until(lambda: external.prober.health(id).status is Status.ONLINE, "it is back")
        assert endpoint.machine().online


async def test_failures_of_requests_make_it_look_but_not_all_the_time(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        place = (EndpointId(id), MODEL)
        for _ in range(5):
            external.experience.failures.failed(place, "broke", now=1.0)
        time.pass_by(external.prober, 1.1)
        await until(lambda: asked(fake) == 2, "it is asked again")
        external.experience.failures.failed(place, "broke", now=1.0)
        external.experience.failures.failed((EndpointId("peer:other"), MODEL), "broke", now=1.0)
        time.pass_by(external.prober, 1.1)
        await until(lambda: asked(fake) == 3, "and once more")
        assert external.prober.health(id).status is Status.ONLINE


async def test_new_models_are_noticed(tmp_path: Path) -> None:
    time = Time()
    async with ollama_server() as fake, alone(tmp_path, time) as external:
        await added(external, fake)
        (endpoint,) = external.endpoints()
        assert [model.id for model in endpoint.models()] == [LLAMA.name]
        time.pass_by(external.prober, 34)
        await until(lambda: asked(fake) == 2, "it is asked again")
        assert asked(fake, "/api/show") == 1
        fake.pull(LLAMA, OllamaModel(name="qwen3:4b", digest="d2"))
        time.pass_by(external.prober, 34)
        await until(lambda: len(endpoint.models()) == 2, "its new model is there")
        assert asked(fake, "/api/show") == 2  # what didn't change isn't asked again


async def test_lists_that_are_new_each_time_are_no_news(tmp_path: Path) -> None:
    """vLLM says of its models that they were made just now."""
    time = Time()
    async with vllm_server() as fake, alone(tmp_path, time) as external:
        await added(external, fake)
        for count in (2, 3):
            time.pass_by(external.prober, 34)
            await until(lambda count=count: asked(fake) == count, "it is asked again")  # type: ignore[misc]
        assert asked(fake, "/version") == 1
        fake.context_length = 1024  # started again with another length
        time.pass_by(external.prober, 34)
        (endpoint,) = external.endpoints()
        await until(lambda: endpoint.models()[0].context_length == 1024, "it is noticed")


async def test_an_ollama_without_a_list_of_openai_s_is_well_too(tmp_path: Path) -> None:
    time = Time()
    async with ollama_server(openai_list=False) as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        assert external.control.document(id)["type"] == "ollama"
        time.pass_by(external.prober, 34)
        await until(lambda: asked(fake, "/api/tags") == 2, "its own list is asked for")
        assert external.prober.health(id).status is Status.ONLINE


async def test_what_is_not_there_at_first_is_found_later(tmp_path: Path) -> None:
    """What it is, is known once it answers."""
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        await fake.stop()
        id = await added(external, fake)
        document = external.control.document(id)
        assert (document["status"], document["type"], document["models"]) == ("error", None, 0)
        await fake.start()
        time.pass_by(external.prober, 2.1)
        await until(lambda: external.control.document(id)["status"] == "online", "it is online")
        assert external.control.document(id)["type"] == "openai_compatible"


async def test_the_next_router_serves_at_once_and_asks_anew(tmp_path: Path) -> None:
    """The models come with the ledger; health is what the router itself sees."""
    router = "anna"
    async with openai_server() as fake, cluster(tmp_path) as machines:
        anna_ledger, bert_ledger = await machines.start("anna"), await machines.start("bert")
        anna = External(anna_ledger, is_router=lambda: router == "anna")
        bert = External(bert_ledger, is_router=lambda: router == "bert")
        async with anna.running(), bert.running():
            id = await added(anna, fake)
            await anna.aliases.create(name="house", targets=[MODEL])
            await machines.until_equal()
            assert asked(fake) == 1
            (endpoint,) = bert.endpoints()
            assert endpoint.machine().online and endpoint.listed_name(MODEL) == MODEL
            assert [each["name"] for each in bert.aliases.documents()] == ["house"]
            assert bert.control.document(id)["status"] == "pending"
            router = "bert"
            bert.prober.look_again()
            anna.prober.look_again()
            await until(lambda: bert.prober.health(id).status is Status.ONLINE, "the new router has asked")
            await until(lambda: anna.prober.health(id).status is Status.PENDING, "the old one has forgotten")
            assert asked(fake) == 2
            await bert.control.remove(id)
            await machines.until_equal()
            assert anna.endpoints() == ()

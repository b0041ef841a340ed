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
from tests.small_disk import SmallDisk


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


async def looked(external: External, time: Time, id: str, *, after_s: float) -> Status:
    """The status after the look that is due in so many seconds."""
    before = external.prober.health(id).checked_at
    time.pass_by(external.prober, after_s)
    await until(lambda: external.prober.health(id).checked_at != before, "it is looked at")
    return external.prober.health(id).status


def asked(fake: FakeOpenAI, path: str = "/v1/models") -> int:
    return sum(each.path == path for each in fake.received)


async def test_each_is_asked_at_its_own_interval(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as often, openai_server() as seldom, alone(tmp_path, time) as external:
        first = await added(external, often, "often", health_check_interval_s=10)
        second = await added(external, seldom, "seldom", health_check_interval_s=100)
        for count in (2, 3):
            await looked(external, time, first, after_s=11.1)  # with the jitter
            assert (asked(often), asked(seldom)) == (count, 1)
        await looked(external, time, second, after_s=110)
        assert asked(seldom) == 2


async def test_a_failure_is_looked_into_soon(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        await fake.stop()
        assert await looked(external, time, id, after_s=34) is Status.ERROR
        (endpoint,) = external.endpoints()
        assert not endpoint.machine().online
        assert await looked(external, time, id, after_s=2.1) is Status.OFFLINE
        await fake.start()
        assert await looked(external, time, id, after_s=34) is Status.ONLINE
        assert endpoint.machine().online


async def test_failures_of_requests_make_it_look_but_not_all_the_time(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        place = (EndpointId(id), MODEL)
        for _ in range(5):
            external.experience.failures.failed(place, "broke", now=1.0)
        await looked(external, time, id, after_s=1.1)
        assert asked(fake) == 2
        external.experience.failures.failed(place, "broke", now=1.0)
        external.experience.failures.failed((EndpointId("peer:other"), MODEL), "broke", now=1.0)
        assert await looked(external, time, id, after_s=1.1) is Status.ONLINE
        assert asked(fake) == 3


async def test_new_models_are_noticed(tmp_path: Path) -> None:
    time = Time()
    async with ollama_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        (endpoint,) = external.endpoints()
        assert [model.id for model in endpoint.models()] == [LLAMA.name]
        await looked(external, time, id, after_s=34)
        assert (asked(fake), asked(fake, "/api/show")) == (2, 1)
        fake.pull(LLAMA, OllamaModel(name="qwen3:4b", digest="d2"))
        await looked(external, time, id, after_s=34)
        assert len(endpoint.models()) == 2
        assert asked(fake, "/api/show") == 2  # what didn't change isn't asked again


async def test_lists_that_are_new_each_time_are_no_news(tmp_path: Path) -> None:
    """vLLM says of its models that they were made just now."""
    time = Time()
    async with vllm_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        for count in (2, 3):
            await looked(external, time, id, after_s=34)
            assert (asked(fake), asked(fake, "/version")) == (count, 1)
        fake.context_length = 1024  # started again with another length
        await looked(external, time, id, after_s=34)
        (endpoint,) = external.endpoints()
        assert endpoint.models()[0].context_length == 1024


async def test_an_ollama_without_a_list_of_openai_s_is_well_too(tmp_path: Path) -> None:
    time = Time()
    async with ollama_server(openai_list=False) as fake, alone(tmp_path, time) as external:
        id = await added(external, fake)
        assert external.control.document(id)["type"] == "ollama"
        assert await looked(external, time, id, after_s=34) is Status.ONLINE
        assert asked(fake, "/api/tags") == 2


async def test_what_is_not_there_at_first_is_found_later(tmp_path: Path) -> None:
    """What it is, is known once it answers."""
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        await fake.stop()
        id = await added(external, fake)
        document = external.control.document(id)
        assert (document["status"], document["type"], document["models"]) == ("error", None, 0)
        await fake.start()
        assert await looked(external, time, id, after_s=2.1) is Status.ONLINE
        assert external.control.document(id)["type"] == "openai_compatible"


async def test_a_shorter_interval_counts_at_once(tmp_path: Path) -> None:
    time = Time()
    async with openai_server() as fake, alone(tmp_path, time) as external:
        id = await added(external, fake, health_check_interval_s=300)
        await external.control.change(id, {"health_check_interval_s": 10})
        assert await looked(external, time, id, after_s=11.1) is Status.ONLINE
        assert asked(fake) == 2


async def test_a_full_disk_makes_no_endpoint_fail_and_nothing_busy(small_disk: SmallDisk) -> None:
    """What was found is kept once there is room."""
    time = Time()
    async with ollama_server() as fake, alone(small_disk.folder, time) as external:
        id = await added(external, fake)
        (endpoint,) = external.endpoints()
        small_disk.fill()
        fake.pull(*(OllamaModel(name=f"m{number}:7b", digest=f"d{number}") for number in range(300)))
        assert await looked(external, time, id, after_s=34) is Status.ONLINE
        count = len(fake.received)
        assert await looked(external, time, id, after_s=34) is Status.ONLINE
        assert (len(endpoint.models()), len(fake.received) < count + 20) == (1, True)
        small_disk.make_room()
        await looked(external, time, id, after_s=34)
        assert len(endpoint.models()) == 300


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

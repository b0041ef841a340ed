"""What people see when the node is ready."""

from pathlib import Path

import pytest

from corral.app.banner import ClusterPlace, chat_model, curl_line, joining_notice, ready_banner
from corral.app.first_start import FirstCredentials
from corral.app.urls import Urls, urls_of
from corral.engines.model import Capability, Lifecycle, ModelFile, ModelName, ModelStatus

KEY = "sk_" + "Ab12" * 8
CHAT = frozenset({Capability.CHAT})


def model(
    name: str,
    size_bytes: int,
    *,
    format: str = "gguf",
    capabilities: frozenset[Capability] = CHAT,
    lifecycle: Lifecycle = Lifecycle.ON_DISK,
    error: str | None = None,
) -> ModelStatus:
    file = ModelFile(
        name=ModelName(name),
        paths=(Path(name),),
        size_bytes=size_bytes,
        modified_at=0.0,
        format=format,
        capabilities=capabilities,
        error=error,
    )
    return ModelStatus(file=file, lifecycle=lifecycle)


def banner(
    *models: ModelStatus,
    new_key: str | None = None,
    key_was_given: bool = False,
    admin: str | None = None,
    password: str | None = None,
    network: str | None = None,
    cluster: ClusterPlace = ClusterPlace(name="corral"),  # noqa: B008 - frozen
) -> str:
    return ready_banner(
        version="1.2.3",
        urls=Urls(local="http://localhost:1", network=network),
        models=models,
        models_dir=Path("/m"),
        first=FirstCredentials(key=new_key, key_given=key_was_given, admin=admin, password=password),
        cluster=cluster,
    )


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        ([], None),
        ([model("embedder", 1, capabilities=frozenset({Capability.EMBEDDINGS}))], None),
        ([model("broken", 1, error="cut off")], None),
        ([model("big", 9), model("small", 3)], "small"),
        ([model("echo", 1, format="echo"), model("real", 3)], "real"),
        ([model("echo", 1, format="echo")], "echo"),
        ([model("big", 9, lifecycle=Lifecycle.LOADED), model("small", 3)], "big"),
    ],
)
def test_which_model_to_try(models: list[ModelStatus], chosen: str | None) -> None:
    assert chat_model(models) == chosen


def test_the_first_start_shows_the_key_ready_to_copy() -> None:
    text = banner(model("tiny", 1), new_key=KEY)
    assert "1.2.3" in text and f"API key   {KEY}" in text
    assert curl_line("http://localhost:1", "tiny", KEY) in text


def test_later_starts_name_a_variable() -> None:
    text = banner(model("tiny", 1))
    assert 'Bearer $CORRAL_API_KEY"' in text and "corral run tiny" in text


def test_a_key_that_was_given_is_not_repeated() -> None:
    assert "bootstrap_api_key" in banner(key_was_given=True)


def test_without_a_model_it_says_where_to_put_one() -> None:
    assert "GGUF" in banner() and "/m" in banner() and "curl" not in banner()


def test_the_address_for_other_machines() -> None:
    assert "http://192.0.2.7:1 (from other machines)" in banner(network="http://192.0.2.7:1")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("0.0.0.0", "http://localhost:5"),
        ("::", "http://localhost:5"),
        ("127.0.0.1", "http://127.0.0.1:5"),
        ("::1", "http://[::1]:5"),
    ],
)
def test_urls(host: str, local: str) -> None:
    assert urls_of(host, 5).local == local


def test_the_first_administrator_is_shown_once() -> None:
    assert "  Admin     ada, password pw123456   (shown only now: keep it)" in banner(
        admin="ada", password="pw123456"
    )
    assert "  Admin     ada, password as given in the setting admin_password" in banner(admin="ada")
    assert "Admin" not in banner()


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (ClusterPlace(name="corral"), "  Cluster   corral, this machine alone\n"),
        (
            ClusterPlace(name="home", others=1, url="http://home.local:1"),
            "home, with 1 other machine; http://home.local:1 (from machines without Corral)",
        ),
        (ClusterPlace(name="home", others=4), "home, with 4 other machines\n"),
    ],
)
def test_the_cluster(place: ClusterPlace, says: str) -> None:
    assert says in banner(cluster=place)


@pytest.mark.parametrize(
    ("joining", "says"),
    [
        (None, None),
        ({"state": "asking", "cluster_name": "home", "code": None, "error": None}, None),
        ({"state": "joining", "cluster_name": "home", "code": None, "error": None}, None),
        (
            {"state": "waiting", "cluster_name": "home", "code": "123 456", "error": None},
            "join home, with the code 123 456",
        ),
        (
            {"state": "waiting", "cluster_name": None, "code": "123 456", "error": None},
            "corral cluster approve 'my desk'",
        ),
        (
            {"state": "failed", "cluster_name": None, "code": None, "error": "it was denied"},
            "didn't join another cluster: it was denied",
        ),
    ],
)
def test_a_machine_that_wants_to_join(joining: dict[str, str | None] | None, says: str | None) -> None:
    notice = joining_notice("my desk", joining)
    assert (notice is None) if says is None else (notice is not None and says in notice)

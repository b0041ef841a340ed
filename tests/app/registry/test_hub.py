"""What a hub says of its repositories; and that the fake one is taken for a real one by the hub's own client."""

import asyncio
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session
from huggingface_hub.utils.tqdm import tqdm

from corral.app.registry.allowlist import Allowlist
from corral.app.registry.errors import BadWish, OriginBusy, OriginFailed, OriginRefused
from corral.app.registry.hub import Hub
from corral.app.registry.origin import Origin, retry_after_s
from tests.app.registry.downloading import FILE, REPO, gguf_bytes, origin_of
from tests.fakes.hub_server import COMMIT, HubServer, hub_server

DATA = gguf_bytes(300_000)


def filled(hub: HubServer) -> None:
    hub.put(REPO, FILE, DATA)
    hub.put(REPO, "config.json", b"{}")
    hub.put("Acme/Gated", FILE, DATA)
    hub.gated.add("Acme/Gated")
    hub.put("Acme/Private", FILE, DATA)
    hub.private.add("Acme/Private")


async def test_a_repository() -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        filled(hub)
        found = await Hub(origin).repository(REPO, "main")
        assert (found.id, found.commit) == (REPO, COMMIT)
        large, small = found.files
        assert (large.path, large.size_bytes, large.blob_id) == (FILE, len(DATA), None)
        assert large.sha256 is not None and small.sha256 is None
        assert small.blob_id == "9e26dfeeb6e641a33dae4961196235bdb965b21b"  # git's of {}


@pytest.mark.parametrize(
    ("repo", "token", "revision", "code", "says"),
    [
        ("Acme/Nothing", None, "main", "repository_not_found", "if it is private, set HF_TOKEN"),
        ("Acme/Private", None, "main", "repository_not_found", "if it is private, set HF_TOKEN"),
        ("Acme/Nothing", "hf_secret", "main", "repository_not_found", "has no repository"),
        ("Acme/Gated", None, "main", "gated_repository", "set HF_TOKEN"),
        ("Acme/Gated", "hf_other", "main", "gated_repository", "accept the model's terms"),
        (REPO, None, "v9", "revision_not_found", "has no revision 'v9'"),
    ],
)
async def test_what_a_hub_refuses(repo: str, token: str | None, revision: str, code: str, says: str) -> None:
    async with hub_server() as hub, origin_of(hub, token=token) as origin:
        filled(hub)
        with pytest.raises(BadWish, match=says) as refused:
            await Hub(origin).repository(repo, revision)
        assert refused.value.code == code


async def test_a_hub_that_is_not_there() -> None:
    async with hub_server() as hub:
        gone = hub.url
    async with origin_of(HubServer(url=gone)) as origin:
        with pytest.raises(OriginFailed, match="can't be reached"):
            await Hub(origin).repository(REPO, "main")


async def test_nobody_else_is_asked() -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        with pytest.raises(OriginRefused, match="CORRAL_ORIGIN_ALLOWLIST"):
            await origin.get("https://evil.invalid/x")
        assert hub.asked == []


async def test_the_token_goes_to_the_hub_only() -> None:
    async with hub_server() as hub, hub_server() as other:
        filled(hub)
        filled(other)
        hub.faults.redirect_to = f"{other.url}/cdn"
        host = other.url.removeprefix("http://")
        origin = _with_other(hub, host)
        try:
            answer = await origin.get(f"{hub.url}/{REPO}/resolve/main/{FILE}")
            assert await answer.read(10**6) == DATA
        finally:
            await origin.close()
        assert [each[3] for each in hub.asked] == ["Bearer hf_secret"]
        assert [each[3] for each in other.asked] == [""]


def _with_other(hub: HubServer, host: str) -> Origin:
    return Origin(hub=hub.url, token="hf_secret", allowlist=Allowlist([f"{host}/*"], hub=hub.url))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("7", 7), ("99999", 3600), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after(text: str, seconds: int | None) -> None:
    assert retry_after_s({"retry-after": text}) == seconds


async def test_a_hub_with_too_much_to_do() -> None:
    async with hub_server() as hub, origin_of(hub) as origin:
        hub.repos[REPO] = {}
        hub.limited = True
        with pytest.raises(OriginBusy, match="set HF_TOKEN, which raises the limit") as busy:
            await Hub(origin).repository(REPO, "main")
        assert busy.value.retry_after_s == 60


async def test_the_fake_hub_is_like_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as `huggingface_hub` can tell."""
    async with hub_server() as hub:
        filled(hub)
        hub.faults.redirect_to = (
            f"{hub.url.replace('127.0.0.1', 'localhost')}/cdn"  # files come from elsewhere
        )
        monkeypatch.setattr(tqdm, "monitor_interval", 0)  # the progress bars' thread would stay
        api = HfApi(endpoint=hub.url, token=False)

        def use() -> tuple[str | None, set[str], bytes]:
            try:
                info = api.model_info(REPO, files_metadata=True)
                assert {each.rfilename: each.size for each in info.siblings or ()} == {
                    FILE: len(DATA),
                    "config.json": 2,
                }
                names = {each.path for each in api.list_repo_tree(REPO)}
                path = api.hf_hub_download(REPO, FILE, local_dir=tmp_path)
                return info.sha, names, Path(path).read_bytes()
            finally:
                close_session()

        assert await asyncio.to_thread(use) == (COMMIT, {FILE, "config.json"}, DATA)

"""What members may read of a machine's models, over the real peer port."""

from pathlib import Path

import pytest

from corral.app.model_copy.file_route import PATH
from corral.app.model_copy.manifest import decode_manifest
from corral.peers.transport.errors import PeerBroke
from tests.app.model_copy.machines import Machine, known, lan, write_model


async def got(
    asking: Machine, asked: Machine, path: str, wanted: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    headers = {} if wanted is None else {"range": wanted}
    response = await asking.client.open(asked.node, "GET", path, headers=headers, idle_timeout_s=10.0)
    try:
        return response.status, dict(response.headers), await response.read(2**24)
    finally:
        await response.aclose()


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        (None, 200, 0, None),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=100-65635", 206, 100, 65636),
        ("bytes=1999999-", 206, 1_999_999, None),
        ("bytes=-5", 206, 1_999_995, None),
        ("bytes=1500000-99999999", 206, 1_500_000, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("nonsense", 200, 0, None),
    ],
)
async def test_bytes(tmp_path: Path, wanted: str | None, status: int, first: int, last: int | None) -> None:
    data = write_model(tmp_path / "1").read_bytes()
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        seen, headers, body = await got(anna, bert, f"{PATH}{id}", wanted)
        assert (seen, body) == (status, data[first:last])
        assert headers["content-length"] == str(len(body))
        if status == 206:
            assert headers["content-range"] == f"bytes {first}-{first + len(body) - 1}/{len(data)}"


@pytest.mark.parametrize("wanted", ["bytes=2000000-", "bytes=-0"])
async def test_bytes_behind_the_end(tmp_path: Path, wanted: str) -> None:
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        status, headers, body = await got(anna, bert, f"{PATH}{id}", wanted)
        assert (status, headers["content-range"], body) == (416, "bytes */2000000", b"")


async def test_the_files_of_a_split_model_are_one_stretch_of_bytes(tmp_path: Path) -> None:
    parts = [
        write_model(tmp_path / "1", f"big-0000{number}-of-00002", size_bytes=700_000, seed=number)
        for number in (1, 2)
    ]
    data = b"".join(part.read_bytes() for part in parts)
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "big", [anna])
        assert (await got(anna, bert, f"{PATH}{id}"))[2] == data
        assert (await got(anna, bert, f"{PATH}{id}", "bytes=699990-700009"))[2] == data[699_990:700_010]
        status, _, body = await got(anna, bert, f"{PATH}{id}/manifest")
        assert status == 200
        manifest = decode_manifest(body, id)
        assert [each.name for each in manifest.parts] == [part.name for part in parts]


async def test_only_models_are_found_and_only_by_their_ids(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "secret.txt").write_text("secret")
    write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        for wrong in (
            "",
            "tiny",
            "tiny-Q4_1.gguf",
            "../secret.txt",
            "..%2fsecret.txt",
            "%2e%2e/secret.txt",
            "/etc/passwd",
            "0" * 64,
            f"{id}/",
            f"{id}/../{id}",
            f"{id}/manifest/manifest",
            id.upper(),
        ):
            status, _, body = await got(anna, bert, f"{PATH}{wrong}")
            assert (status, b"secret" in body) == (404, False), wrong


async def test_a_file_that_has_changed_is_not_served_under_its_old_id(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1")
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        with path.open("ab") as file:
            file.write(b"more")
        assert (await got(anna, bert, f"{PATH}{id}"))[0] == 410
        assert (await got(anna, bert, f"{PATH}{id}"))[0] == 404


async def test_a_file_that_is_cut_off_while_it_is_sent_ends_the_connection(tmp_path: Path) -> None:
    path = write_model(tmp_path / "1", size_bytes=12_000_000)
    async with lan(tmp_path, 2) as (anna, bert):
        id = await known(bert, "tiny", [anna])
        response = await anna.client.open(bert.node, "GET", f"{PATH}{id}", idle_timeout_s=10.0)
        chunks = response.chunks()
        await anext(chunks)
        with path.open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(PeerBroke):
            async for _ in chunks:
                pass
        await response.aclose()

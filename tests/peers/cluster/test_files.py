import stat
from pathlib import Path

import pytest

from corral.peers.cluster.cluster_file import ClusterFileError, found_cluster, load_cluster, write_cluster
from corral.peers.cluster.term_file import read_term, write_term


def test_a_cluster_is_founded_once(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    founded = load_cluster(path, now=5.0)
    assert load_cluster(path, now=9.0) == founded
    assert (len(founded.key_bytes), founded.founded_at) == (32, 5.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_cluster_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    load_cluster(path, now=5.0)
    other = found_cluster(now=7.0, name="office")
    write_cluster(path, other)
    assert load_cluster(path, now=9.0) == other


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b'{"id":"xx","name":"a","key":"","founded_at":1}', b"\xff"],
)
def test_a_damaged_file_is_told_and_left(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(content)
    with pytest.raises(ClusterFileError, match="paired with the others again"):
        load_cluster(path, now=5.0)
    assert path.read_bytes() == content


def test_a_key_of_the_wrong_length_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_text('{"id":"' + "a" * 32 + '","name":"a","key":"AAAA","founded_at":1}')
    with pytest.raises(ClusterFileError, match="wrong length"):
        load_cluster(path, now=5.0)


def test_the_highest_term_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "term"
    assert read_term(path) == 0
    write_term(path, 41)
    assert read_term(path) == 41


@pytest.mark.parametrize("content", [b"", b"garbage", b"-4", b"99999999999999999999"])
def test_an_unusable_term_counts_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "term"
    path.write_bytes(content)
    assert read_term(path) == 0

"""The key file: made once, kept for ever, never replaced because it is damaged."""

import os
import ssl
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from corral.peers.identity.certificate import verify
from corral.peers.identity.errors import IdentityError
from corral.peers.identity.identity import FILE_NAME, PASSWORD_NAME, load_identity


class Vault:
    """A protection of secrets, as an operating system has one. Another user's vault opens nothing of this one."""

    def __init__(self, user: int) -> None:
        self._user = user

    def wrap(self, secret: bytes) -> bytes:
        return bytes([self._user, *(byte ^ self._user for byte in secret)])

    def unwrap(self, wrapped: bytes) -> bytes:
        if wrapped[0] != self._user:
            raise PermissionError(13, "not yours")
        return bytes(byte ^ self._user for byte in wrapped[1:])


def test_it_is_made_at_the_first_start_and_stays(tmp_path: Path) -> None:
    made = load_identity(tmp_path / "new" / "folder")
    again = load_identity(tmp_path / "new" / "folder")

    assert again.certificate == made.certificate
    assert again.node == made.certificate.node
    assert load_identity(tmp_path / "another").node != made.node


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = load_identity(tmp_path).path

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_made_private_again(tmp_path: Path) -> None:
    path = load_identity(tmp_path).path
    path.chmod(0o644)

    with capture_logs() as logged:
        load_identity(tmp_path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry["log_level"] for entry in logged] == ["warning"]


def test_what_it_signs_its_certificate_verifies(tmp_path: Path) -> None:
    identity = load_identity(tmp_path)

    assert verify(identity.certificate, b"text", identity.sign(b"text"))
    assert verify(load_identity(tmp_path).certificate, b"text", identity.sign(b"text"))


def test_nothing_shows_the_key(tmp_path: Path) -> None:
    identity = load_identity(tmp_path)

    assert "KEY" not in repr(identity).replace(str(tmp_path), "")
    assert "_password" not in repr(identity)


@pytest.mark.parametrize("keep", [0, 1, 50, 200, 250, 300, 500, -3, -40])
def test_a_half_written_file_is_an_error_and_stays(tmp_path: Path, keep: int) -> None:
    path = load_identity(tmp_path).path
    path.write_bytes(half := path.read_bytes()[:keep].rstrip())

    with pytest.raises(IdentityError, match=r"damaged\. Restore that file from a backup"):
        load_identity(tmp_path)
    assert path.read_bytes() == half


@pytest.mark.parametrize("content", [b"", b"\0" * 900, b"\xff" * 100_000, b"-----BEGIN CERTIFICATE-----"])
def test_rubbish_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(IdentityError, match="damaged"):
        load_identity(tmp_path)


def test_the_certificate_of_another_key_is_an_error(tmp_path: Path) -> None:
    path = load_identity(tmp_path / "a").path
    other = load_identity(tmp_path / "b")
    key = path.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0]
    path.write_bytes(key + other.certificate.pem.encode())

    with pytest.raises(IdentityError, match="damaged"):
        load_identity(tmp_path / "a")


def test_a_draft_that_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / f"{FILE_NAME}.new").write_bytes(b"-----BEGIN PRIV")

    assert load_identity(tmp_path).node == load_identity(tmp_path).node
    assert os.listdir(tmp_path) == [FILE_NAME]


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(IdentityError, match=r"can't be read|can't be written"):
        load_identity(tmp_path / "file")


def test_it_proves_itself_in_tls(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_identity(tmp_path).show_in(context)

    identity = load_identity(tmp_path)
    identity.path.unlink()
    with pytest.raises(IdentityError, match="can't be read"):
        identity.show_in(context)


def test_where_the_system_protects_secrets_the_file_is_encrypted(tmp_path: Path) -> None:
    made = load_identity(tmp_path, protection=Vault(7))

    assert b"BEGIN ENCRYPTED PRIVATE KEY" in made.path.read_bytes()
    assert load_identity(tmp_path, protection=Vault(7)).certificate == made.certificate
    made.show_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_another_user_is_told_to_use_the_first_ones_account(tmp_path: Path) -> None:
    load_identity(tmp_path, protection=Vault(7))

    with pytest.raises(IdentityError, match="Start Corral as the user that started it the first time"):
        load_identity(tmp_path, protection=Vault(8))


def test_a_lost_password_is_an_error(tmp_path: Path) -> None:
    load_identity(tmp_path, protection=Vault(7))
    (tmp_path / PASSWORD_NAME).unlink()

    with pytest.raises(IdentityError, match="can't be unwrapped"):
        load_identity(tmp_path, protection=Vault(7))

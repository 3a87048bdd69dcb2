"""The certificates of a private Dask cluster: what they are for, who can read them, and that nothing is replaced."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from aliend.storage.cluster.certificates import ROLES, Refused, make


def context_of(directory: Path, role: str, protocol: int) -> ssl.SSLContext:
    """Return the context of one side: it demands a certificate of the authority, under strict rules."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(directory / "ca.pem")
    context.load_cert_chain(directory / f"{role}.pem", directory / f"{role}-key.pem")
    return context


def speaks(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    """Return whether a byte passes between them."""
    ends = socket.socketpair()

    def answer() -> None:
        try:
            with server.wrap_socket(ends[0], server_side=True) as one:
                one.sendall(b"x")
        except OSError:
            ends[0].close()

    serving = threading.Thread(target=answer)
    serving.start()
    try:
        with client.wrap_socket(ends[1]) as other:
            return other.recv(1) == b"x"
    except OSError:
        return False
    finally:
        ends[1].close()
        serving.join()


def test_each_part_of_the_cluster_accepts_each_other(tmp_path: Path) -> None:
    make(tmp_path / "c")
    for server in ("scheduler", "worker"):
        for client in ROLES:
            assert speaks(
                context_of(tmp_path / "c", server, ssl.PROTOCOL_TLS_SERVER),
                context_of(tmp_path / "c", client, ssl.PROTOCOL_TLS_CLIENT),
            )


def test_certificates_of_another_cluster_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "c")
    make(tmp_path / "d")
    foreign = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    foreign.check_hostname = False
    foreign.load_verify_locations(tmp_path / "c" / "ca.pem")
    foreign.load_cert_chain(tmp_path / "d" / "client.pem", tmp_path / "d" / "client-key.pem")
    assert not speaks(context_of(tmp_path / "c", "scheduler", ssl.PROTOCOL_TLS_SERVER), foreign)


def test_only_the_owner_can_read_them_and_the_key_of_the_authority_is_not_kept(tmp_path: Path) -> None:
    files = make(tmp_path / "c")
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    assert sorted(files) == sorted((tmp_path / "c").iterdir())
    assert len([file for file in files if "PRIVATE KEY" in file.read_text()]) == len(ROLES)


def test_existing_files_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "worker.pem").write_text("mine")
    with pytest.raises(Refused, match=r"worker\.pem exists; choose another directory"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["worker.pem"]
    assert (tmp_path / "worker.pem").read_text() == "mine"

"""Verification of the service and of the user, and the messages about failures."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.central.connection.login import Limits
from aliend.central.session import CentralSession
from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import pem_source
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError, ConfigurationError, LoginRefused, NotConnected
from tests.integration.central.service import Authority, Issued, Service, running

LS = Request("ls", ("/alice",))


async def failure(context: Context) -> AliendError:
    """The error that a first request ends with; it must not take long."""
    async with asyncio.timeout(60), CentralSession(context, limits=Limits(first_pause=0.01)) as central:
        with pytest.raises(AliendError) as caught:
            await central.request(LS)
    return caught.value


@asynccontextmanager
async def served(authority: Authority, host: Issued, alice: Issued) -> AsyncGenerator[Context, None]:
    async with running(authority, host) as service:
        yield service.context(authority.ca, alice)


async def test_f042_certificate_for_another_host_is_refused_until_its_name_is_set(
    authority: Authority, alice: Issued
) -> None:
    async with served(authority, authority.issue("s", host="jcentral.example"), alice) as context:
        error = await failure(context)
        assert "not for localhost but for jcentral.example" in str(error)
        assert "tls.server_name" in str(error)
        assert error.exit_code == 107
        async with CentralSession(replace(context, server_name="jcentral.example")) as central:
            assert (await central.request(LS)).exit_code == 0


async def test_f042_expired_service_certificate_is_refused(authority: Authority, alice: Issued) -> None:
    host = authority.issue("s", host="localhost", begins=-3600, ends=-60)
    async with served(authority, host, alice) as context:
        assert "out of date" in str(await failure(context))


async def test_f042_service_of_another_authority_is_refused(
    service: Service, authority: Authority, alice: Issued, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "Other CA")
    error = await failure(service.context(other.ca, alice))
    assert "not signed by an authority in" in str(error)
    assert service.connections == 0


def refuse_one(listener: socket.socket, tls: ssl.SSLContext) -> None:
    """Accept one client and end the handshake with the alert that a refused certificate gets."""
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as client:
        with suppress(ssl.SSLError):
            client.do_handshake()
        # what the client has sent on is read: closing before that would reset the connection under the alert
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass


async def test_a_user_of_another_authority_is_refused_by_the_service(
    authority: Authority, alice: Issued, tmp_path: Path
) -> None:
    # asyncio's own TLS server resets the connection before its alert is out, hence a blocking one
    host, stranger = authority.issue("service", host="localhost"), Authority(tmp_path, "Other CA").issue("alice")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    tls.load_cert_chain(host.certificate, host.key)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # as the real service
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = Endpoint("localhost", listener.getsockname()[1])
        refusing = asyncio.create_task(asyncio.to_thread(refuse_one, listener, tls))
        error = await failure(Context(endpoint=endpoint, ca=authority.ca, user=stranger.files))
        await refusing
    assert isinstance(error, LoginRefused)
    assert error.exit_code == 129
    assert "refused the certificate" in str(error)


async def test_a_service_that_hangs_up_when_it_sees_the_certificate_refuses_it(
    service: Service, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Other CA").issue("mallory")
    error = await failure(service.context(authority.ca, stranger))
    assert "closed the connection after it received the certificate C=ch/O=AliEn2/CN=Users/CN=mallory" in str(error)
    assert error.exit_code == 129


async def test_a_service_that_closes_the_connection_immediately_is_only_unreachable(
    authority: Authority, alice: Issued
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
        error = await failure(Context(endpoint=endpoint, ca=authority.ca, user=alice.files))
    assert "closed the connection during the handshake" in str(error)
    assert error.exit_code == 107


def bundle(directory: Path, *authorities: Authority) -> str:
    file = directory / "bundle.pem"
    file.write_text("".join(Path(authority.ca).read_text() for authority in authorities))
    return str(file)


async def test_f040_file_of_authorities_serves_too(
    service: Service, authority: Authority, alice: Issued, tmp_path: Path
) -> None:
    async with CentralSession(
        service.context(bundle(tmp_path, Authority(tmp_path, "Other CA"), authority), alice)
    ) as central:
        assert (await central.request(LS)).exit_code == 0


def hashed_copy(ca: str, directory: Path) -> None:
    command = ["openssl", "x509", "-hash", "-noout", "-in", ca]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(ca, directory / f"{name}.0")


def plain_copy(ca: str, directory: Path) -> None:
    shutil.copy(ca, directory / "AliEn-CA.pem")


@pytest.mark.parametrize("fill", [hashed_copy, plain_copy])
async def test_f040_directory_of_authorities_serves_with_and_without_hashed_names(
    service: Service, authority: Authority, alice: Issued, tmp_path: Path, fill: Callable[[str, Path], None]
) -> None:
    (tmp_path / "policy.crl_url.pem").write_text("no certificate\n")
    fill(authority.ca, tmp_path)
    async with CentralSession(service.context(str(tmp_path), alice)) as central:
        assert (await central.request(LS)).exit_code == 0


@pytest.mark.parametrize(("place", "said"), [("", "X509_CERT_DIR"), ("/no/such", "/no/such")])
async def test_without_authorities_nothing_is_trusted(service: Service, alice: Issued, place: str, said: str) -> None:
    error = await failure(service.context(place, alice))
    assert isinstance(error, ConfigurationError)
    assert said in str(error)


async def test_an_empty_directory_of_authorities_is_named(service: Service, alice: Issued, tmp_path: Path) -> None:
    error = await failure(service.context(str(tmp_path), alice))
    assert f"the CA directory {tmp_path} holds no certificates" in str(error)


async def test_a_closed_port_is_reported_after_three_tries(authority: Authority, alice: Issued) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        error = await failure(Context(endpoint=Endpoint("127.0.0.1", port), ca=authority.ca, user=alice.files))
    assert isinstance(error, NotConnected)
    assert f"cannot connect to 127.0.0.1:{port}" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "", "x" * 300])
async def test_a_host_that_cannot_be_looked_up_is_named(authority: Authority, alice: Issued, host: str) -> None:
    error = await failure(Context(endpoint=Endpoint(host, 1), ca=authority.ca, user=alice.files))
    assert isinstance(error, NotConnected)
    assert f"cannot connect to {host}:1" in str(error)


async def test_another_server_is_not_taken_for_a_central_service(authority: Authority, alice: Issued) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(Context(endpoint=Endpoint("127.0.0.1", port), ca=authority.ca, user=alice.files))
    assert isinstance(error, NotConnected)
    assert f"127.0.0.1:{port}" in str(error)


async def test_certificate_and_key_may_be_given_as_text(service: Service, authority: Authority, alice: Issued) -> None:
    text = alice.text
    assert "PRIVATE" not in repr(text)
    async with CentralSession(replace(service.context(authority.ca, alice), user=text)) as central:
        assert (await central.request(LS)).exit_code == 0


async def test_a_token_is_preferred_and_a_new_one_is_noticed_at_the_next_login(
    service: Service, authority: Authority, alice: Issued, tmp_path: Path
) -> None:
    token = CredentialFiles(pem_source(str(tmp_path / "tokencert.pem")), pem_source(str(tmp_path / "tokenkey.pem")))
    context = replace(service.context(authority.ca, alice), token=token)
    async with CentralSession(context) as central:
        await central.request(LS)
        assert central.status().subject.endswith("CN=alice")
        issued = authority.issue("alice-token")
        shutil.copy(issued.certificate, str(token.certificate))
        shutil.copy(issued.key, str(token.key))
        service.faults.append("drop-before")
        await central.request(LS)
        assert central.status().subject.endswith("CN=alice-token")


async def test_a_certificate_that_has_the_name_only_as_common_name_is_refused(
    authority: Authority, alice: Issued
) -> None:
    async with served(authority, authority.issue("localhost"), alice) as context:
        error = await failure(context)
        assert isinstance(error, NotConnected)
        assert "no alternative name (subjectAltName), and its common name is not accepted" in str(error)

"""Token certificates: subjects, lifetimes, uses and permissions (wire specification, section 6)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from aliend.sandbox import certificates
from aliend.sandbox.layout import Layout
from aliend.sandbox.state.accounts import Principal
from tests.unit.sandbox.in_process_grid import Stage

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an authority and its certificates, which take seconds to create."""
    directory = tmp_path_factory.mktemp("authority") / "grid"
    certificates.ensure(Layout(directory))
    return directory


@pytest.fixture
def issuing(stage: Stage, authority: Path, tmp_path: Path) -> Stage:
    """The stage with an authority, and clients whose own certificates live for 100 days."""
    stage.service.layout = Layout(shutil.copytree(authority, tmp_path / "grid"))
    return stage


async def asked(stage: Stage, *options: str, user: str = "alice") -> tuple[x509.Certificate, timedelta]:
    await stage.ask("pwd", user=user)
    session = stage.sessions[user]
    session.client = replace(session.client, expires=stage.now // 1000 + 100 * 86400)
    reply = await stage.ask("token", "-nomsg", *options, user=user)
    assert reply.code == 0, reply.error
    certificate = x509.load_pem_x509_certificate(reply.values("tokencert")[0].encode())
    assert reply.values("tokenkey")[0].startswith("-----BEGIN RSA PRIVATE KEY-----")
    return certificate, certificate.not_valid_after_utc - datetime.fromtimestamp(stage.now // 1000, UTC)


def subject(certificate: x509.Certificate) -> str:
    return certificates.slash_form(certificate.subject)


async def test_a_users_token_lives_at_most_31_days(issuing: Stage) -> None:
    certificate, life = await asked(issuing)
    assert subject(certificate) == "/C=ch/O=AliEn2/CN=Users/CN=alice/OU=alice"
    assert life == 31 * DAY
    _, shorter = await asked(issuing, "-v", "5")
    assert shorter == 5 * DAY
    reply = await issuing.ask("token", "-nomsg", "-v", "99")
    assert (reply.code, reply.error) == (
        0,
        "Reducing the validity from 99 to 31 as this is the max allowed value for this type of certificate\n",
    )


async def test_an_admin_issues_tokens_for_jobs_and_hosts(issuing: Stage) -> None:
    job, life = await asked(issuing, "-jobid", "77", "-u", "alice", user="admin")
    assert subject(job) == "/C=ch/O=AliEn2/CN=Jobs/CN=alice/OU=alice/OU=77"
    assert life == 2 * DAY
    host, life = await asked(issuing, "-hostname", "node.example", "-f", user="admin")
    assert subject(host) == "/C=ch/O=AliEn2/OU=ALICE/CN=node.example"
    assert life == 365 * DAY
    names = host.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["node.example"]


async def test_an_agents_token_is_for_clients_only(issuing: Stage) -> None:
    agent, life = await asked(issuing, "-t", "jobagent", user="admin")
    assert subject(agent) == "/C=ch/O=AliEn2/CN=JobAgent"
    assert life == 2 * DAY
    uses = agent.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize(
    ("user", "options", "code"),
    [
        ("alice", ["-t", "nonsense"], 22),
        ("alice", ["-jobid", "1", "-u", "alice"], 121),
        ("alice", ["-t", "jobagent"], 121),
        ("alice", ["-hostname", "node.example", "-f"], 121),
        ("admin", ["-t", "job"], 22),
        ("admin", ["-jobid", "1"], 22),
        ("admin", ["-t", "host"], 22),
        ("admin", ["-hostname", "nodot", "-f"], 22),
        ("admin", ["-hostname", "no-such-host.invalid"], 6),
    ],
)
async def test_a_forbidden_token_type_is_refused(issuing: Stage, user: str, options: list[str], code: int) -> None:
    assert (await issuing.ask("token", *options, user=user)).code == code


def test_tokens_of_jobs_and_agents_are_identities(stage: Stage) -> None:
    accounts = stage.service.catalogue.accounts
    job = accounts.identify(["/C=ch/O=AliEn2/CN=Jobs/CN=alice/OU=alice/OU=77"])
    assert job is not None
    assert (job.name, job.is_job) == ("alice", True)
    agent = accounts.identify(["/C=ch/O=AliEn2/CN=JobAgent"])
    assert agent == Principal("jobagent", "jobagent", ("jobagent",), is_job=True)

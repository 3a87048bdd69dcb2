"""Specifications as they are stored in the database."""

from __future__ import annotations

import json
from dataclasses import replace

from aliend.core.connection.context import Context, CredentialFiles, DiscoverySettings, Endpoint
from aliend.core.connection.pem import PemFile, PemText, pem_source
from aliend.core.transfers.job import JobSpec
from aliend.store.rows.codec import spec_of, spec_to_text

CONTEXT = Context(
    endpoint=Endpoint("central.example", 1),
    token=CredentialFiles(pem_source("c"), pem_source("k")),
    site="CERN",
    role="alidaq",
    finding=DiscoverySettings(jbox=Endpoint("localhost", 2), jbox_file="/tmp/f", tries=7, family="ipv4", racing=False),
    job="42",
)
SPEC = JobSpec(
    "download",
    ("/a",),
    "/tmp/",
    context=CONTEXT,
    rate=1 << 20,
    interactive=True,
    settings=(("XRD_STREAMTIMEOUT", "5"),),
)


def test_a_jobs_context_is_stored_completely() -> None:
    assert spec_of(spec_to_text(SPEC)) == SPEC


def test_a_job_of_an_older_release_gets_the_default_discovery() -> None:
    old = json.loads(spec_to_text(SPEC))
    for name in ("finding", "job", "master_job"):
        del old["context"][name]
    for name in ("rate", "interactive", "settings"):
        del old[name]
    spec = spec_of(json.dumps(old))
    context = spec.context
    assert (spec.rate, spec.interactive, spec.settings) == (0, False, ())
    assert (context.endpoint, context.site, context.finding) == (CONTEXT.endpoint, "CERN", DiscoverySettings())


def test_credentials_given_as_text_and_default_names_are_kept() -> None:
    files = CredentialFiles(PemText("a\nb"), PemFile("/tmp/key", is_default=True))
    spec = replace(SPEC, context=replace(CONTEXT, user=files))
    assert spec_of(spec_to_text(spec)) == spec


def test_credentials_of_a_job_of_an_older_release_are_names_or_text() -> None:
    old = json.loads(spec_to_text(SPEC))
    old["context"]["user"] = {"certificate": "-----BEGIN CERTIFICATE-----\n", "key": "/home/key.pem"}
    user = spec_of(json.dumps(old)).context.user
    assert user == CredentialFiles(PemText("-----BEGIN CERTIFICATE-----\n"), PemFile("/home/key.pem"))

"""Specifications as they are stored in the database."""

from __future__ import annotations

import json

from aliend.core.connection.context import Context, CredentialFiles, DiscoverySettings, Endpoint
from aliend.core.transfers.job import JobSpec
from aliend.store.row_codec import spec_of, spec_to_text

CONTEXT = Context(
    endpoint=Endpoint("central.example", 1),
    token=CredentialFiles("c", "k"),
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

"""The XRootD variables of a caller."""

from __future__ import annotations

from aliend.core.cli.environment import xrootd_settings


def test_only_xrootd_variables_are_stored() -> None:
    """F221: the user's environment wins."""
    environment = {"XRD_STREAMTIMEOUT": "5", "HOME": "/h", "XRD_CONNECTIONRETRY": "1"}
    assert xrootd_settings(environment) == (("XRD_CONNECTIONRETRY", "1"), ("XRD_STREAMTIMEOUT", "5"))


def test_variables_that_name_libraries_are_excluded() -> None:
    assert xrootd_settings({"XRD_PLUGIN": "/tmp/evil.so", "XRD_PLUGINCONFDIR": "/tmp"}) == ()

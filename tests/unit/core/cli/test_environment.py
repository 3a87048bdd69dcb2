"""The XRootD variables of a caller."""

from __future__ import annotations

from aliend.core.cli.environment import xrootd_settings


def test_xrootds_variables_are_kept_by_name_and_others_are_not() -> None:
    """F221: the user's environment wins."""
    environment = {"XRD_STREAMTIMEOUT": "5", "HOME": "/h", "XRD_CONNECTIONRETRY": "1"}
    assert xrootd_settings(environment) == (("XRD_CONNECTIONRETRY", "1"), ("XRD_STREAMTIMEOUT", "5"))


def test_no_library_is_loaded_because_a_call_names_it() -> None:
    assert xrootd_settings({"XRD_PLUGIN": "/tmp/evil.so", "XRD_PLUGINCONFDIR": "/tmp"}) == ()

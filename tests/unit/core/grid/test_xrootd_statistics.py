"""Statistics of an XRootD server."""

from __future__ import annotations

import pytest

from aliend.core.grid import xrootd_statistics
from aliend.errors import BadReply

TEXT = (
    '<statistics tod="1" ver="v5"><stats id="info"><host>h</host></stats>'
    '<stats id="xrootd"><num>3</num><ops><open>2</open></ops></stats></statistics>'
)


def test_f163_each_section_is_found_by_its_id() -> None:
    assert xrootd_statistics.parse_statistics(TEXT) == {
        "tod": "1",
        "ver": "v5",
        "stats": {"info": {"host": "h"}, "xrootd": {"num": "3", "ops": {"open": "2"}}},
    }


def test_f163_xml_can_be_indented() -> None:
    assert "\n  <stats" in xrootd_statistics.indent_xml(TEXT)


def test_invalid_xml_is_refused() -> None:
    with pytest.raises(BadReply):
        xrootd_statistics.parse_statistics("<statistics>")

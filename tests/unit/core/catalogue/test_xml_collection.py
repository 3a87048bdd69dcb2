"""XML collections of local files, and merged collections."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from aliend.core.catalogue import xml_collection
from aliend.core.catalogue.xml_collection import LocalFile
from aliend.errors import BadReply

HOSTILE = 'a <b> & "c" \udcff'


def test_f156_a_collection_has_the_attributes_of_files_with_any_name() -> None:
    files = [
        LocalFile(f"/d/{name}", 5, "ab12", "me", "us", 0o100640, "2024-05-31 12:00:00") for name in ("one", HOSTILE)
    ]
    root = ElementTree.fromstring(xml_collection.document([xml_collection.attributes_of(file) for file in files]))
    assert [event.get("name") for event in root.iter("event")] == ["1", "2"]
    first, second = root.iter("file")
    assert {key: first.get(key) for key in ("name", "size", "md5", "owner", "gowner", "perm", "ctime", "turl")} == {
        "name": "one",
        "size": "5",
        "md5": "ab12",
        "owner": "me",
        "gowner": "us",
        "perm": "640",
        "ctime": "2024-05-31 12:00:00",
        "turl": "file:///d/one",
    }
    assert second.get("name") == 'a <b> & "c" \\udcff'


def test_f155_several_collections_are_merged_with_consecutive_events() -> None:
    one = xml_collection.document([{"lfn": "/a"}, {"lfn": "/b"}])
    both = ElementTree.fromstring(xml_collection.merge([one, xml_collection.document([{"lfn": "/c"}])]))
    assert [file.get("lfn") for file in both.iter("file")] == ["/a", "/b", "/c"]
    assert [event.get("name") for event in both.iter("event")] == ["1", "2", "3"]


def test_an_invalid_collection_is_refused() -> None:
    with pytest.raises(BadReply):
        xml_collection.merge(["<alien>", "no"])

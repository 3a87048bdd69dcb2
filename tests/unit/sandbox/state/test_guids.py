"""GUIDs and the paths of files on storage elements follow the service's layout."""

from __future__ import annotations

import uuid

import pytest

from aliend.sandbox.state.guids import (
    GuidMaker,
    creation_time,
    hardware_address,
    index_time,
    replica_url,
    storage_path,
)

VECTORS = [
    ("e3f01fd2-23e3-11e0-9a96-001f29eb8b98", "/15/63447/"),
    ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "/01/20257/"),
    ("00000000-0000-1000-8000-000000000000", "/09/35732/"),
    ("ffffffff-ffff-1fff-bfff-ffffffffffff", "/14/51608/"),
]


@pytest.mark.parametrize(("guid", "place"), VECTORS)
def test_the_storage_path_of_a_guid(guid: str, place: str) -> None:
    assert storage_path(guid) == place + guid


@pytest.mark.parametrize(
    ("daemon", "path", "begin"),
    [
        ("root://eos.example:1094", "/eos/grid", "root://eos.example:1094//eos/grid/15/63447/"),
        ("root://eos.example:1094", "/", "root://eos.example:1094//15/63447/"),
        ("root://eos.example:1094/", "/eos", "root://eos.example:1094//eos/15/63447/"),
    ],
)
def test_the_url_of_a_replica(daemon: str, path: str, begin: str) -> None:
    guid = VECTORS[0][0]
    assert replica_url(daemon, path, guid) == begin + guid


def test_a_guid_contains_creation_time_and_address() -> None:
    guid = "f0a899ac-e766-11f1-a3de-02fc00000001"
    assert creation_time(guid) == 1795456473545
    assert hardware_address(guid) == "02:fc:00:00:00:01"
    assert index_time(guid) == "11F1E766"


def test_a_new_guid_is_of_version_1_and_keeps_its_time() -> None:
    maker = GuidMaker()
    made = [maker.make(1795456473545) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {creation_time(guid) for guid in made} == {1795456473545}
    assert {uuid.UUID(guid).version for guid in made} == {1}

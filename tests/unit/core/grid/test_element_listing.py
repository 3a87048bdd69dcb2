"""Storage and computing elements: lookup by label, and lines that scripts parse."""

from __future__ import annotations

from aliend.core.grid.element_listing import (
    HEADER,
    computing_elements,
    line_of,
    name_and_server,
    server_of,
    storage_elements,
)

LISTED = [
    {"message": "SE name ...", "seName": "ALICE::CERN::EOS", "seNumber": "2", "endpointUrl": "root://eos:1094//eos/x"},
    {"seName": "ALICE::GSI::SE2", "seNumber": "22", "endpointUrl": "root://gsi.de:1094/", "qos": "disk, legooutput"},
    {"message": "a total"},
]


def test_f161_a_number_matches_only_the_element_with_that_number() -> None:
    assert [one.number for one in storage_elements(LISTED) if one.matches("2")] == ["2"]


def test_f161_another_label_matches_a_part_of_name_or_server() -> None:
    elements = storage_elements(LISTED)
    assert [[one.number for one in elements if one.matches(label)] for label in ("se2", "EOS:1094", "::", "xyz")] == [
        ["22"],
        ["2"],
        ["2", "22"],
        [],
    ]


def test_f161_lines_have_the_usual_widths() -> None:
    (first, second) = storage_elements(LISTED)
    assert line_of(first) == f"2     ALICE::CERN::EOS{' ' * 16}eos:1094"
    assert name_and_server(second) == f"ALICE::GSI::SE2{' ' * 17}gsi.de:1094"
    assert second.qos == "disk, legooutput"


def test_a_server_is_found_in_any_form_of_address() -> None:
    assert [server_of(text) for text in ("root://u@h:1//p", "h", "h:1", "[::1]:5/")] == ["h:1", "h", "h:1", "[::1]:5"]


def test_f161_an_element_must_match_every_filter() -> None:
    elements = computing_elements(
        [
            {
                "ceName": "ALICE::CERN::A",
                "host": "a.cern.ch",
                "partitions": "x,multicore",
                "TTL": 86400,
                "type": " HT ",
            },
            {"ceName": "ALICE::CERN::B", "host": "b.cern.ch", "partitions": ""},
            {"message": "a total"},
        ]
    )
    assert [one.name for one in elements if one.matches("cern", "B.", "")] == ["CERN::B"]
    assert [one.name for one in elements if one.matches("", "b.cern", "multicore")] == []
    assert str(elements[0]) == f"{'CERN::A':<28}{'a.cern.ch':<50}{'':<8}{'HT':<10}{'':<12}{'86400':<10}x,multicore"
    assert str(HEADER).split() == ["Name", "Host", "State", "Type", "R", "W", "TTL", "Partitions"]

"""Job descriptions are parsed, and invalid ones are rejected."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.sandbox.service.jdl import BadDescriptionError, Description, Expression, parse, substitute
from aliend.sandbox.service.job_splitting import plan_jobs

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20)


def test_texts_numbers_lists_and_comments_are_read() -> None:
    text = """
      # a comment
      Executable = "/bin/run me";  TTL=3600;
      Packages = { "A::1", "B::2" ,};

      Price = 1.5; Arguments = "say \\"hi\\""
    """
    found = parse(text)
    assert found.text("executable") == "/bin/run me"
    assert found.seconds("TTL", 0) == 3600
    assert found.items("Packages") == ["A::1", "B::2"]
    assert found.text("Arguments") == 'say "hi"'
    assert found.items("Price") == ["1.5"]
    assert found.text("Nothing", "else") == "else"


@pytest.mark.parametrize(
    "expression",
    [
        'member(other.GridPartitions,"multicore_8")',
        'other.CE == "A;B" && (other.Memory > 2000 || !member(other.Packages, "say \\"x\\";"))',
        "other.TTL >= 3600,\n  other.Price < -1.5",
        "-1",
        "production:1-2",
    ],
)
def test_an_unquoted_value_is_unchanged(expression: str) -> None:
    found = parse(f'First = "1";\r\nRequirements = {expression} ;\n Last = {{ f(a,"b,c") , "d,;e", 7 }}\n')
    assert found.fields == {"First": "1", "Requirements": expression, "Last": ['f(a,"b,c")', "d,;e", "7"]}
    assert f"    Requirements = {expression};\n" in str(found)
    assert parse(str(found)).fields == found.fields


def test_counters_are_substituted_inside_expressions() -> None:
    text = 'Executable = "x"; Split = "production:1-2"; Requirements = f("#alien_counter_03i#");'
    _, parts = plan_jobs(parse(text), "alice")
    assert [part.fields["Requirements"] for part in parts] == ['f("001")', 'f("002")']
    assert all(isinstance(part.fields["Requirements"], Expression) for part in parts)


@given(st.dictionaries(NAMES, st.one_of(TEXTS, st.lists(TEXTS, max_size=4)), min_size=1, max_size=5))
def test_a_formatted_description_is_parsed_again(fields: dict[str, str | list[str]]) -> None:
    assert parse(str(Description(dict(fields)))).fields == fields


@pytest.mark.parametrize("text", ["", 'A = {"x"', "; = 1", 'A = "unclosed', "a b = 1", 'A = "x" + 1'])
def test_invalid_descriptions_are_reported(text: str) -> None:
    with pytest.raises(BadDescriptionError):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    with contextlib.suppress(BadDescriptionError):
        parse(text)


def test_arguments_are_substituted() -> None:
    assert substitute("run $2 $1 $1", ["a", "b"]) == "run b a a\n"
    with pytest.raises(BadDescriptionError, match=r"argument \$3"):
        substitute("$3", ["a", "b"])


@pytest.mark.parametrize(
    ("split", "parts"),
    [("production:5-9", 5), ("file", 4), ("directory", 2), ("se", 1)],
)
def test_a_job_is_split(split: str, parts: int) -> None:
    files = ["LF:/a/1", "LF:/a/2,nodownload", "LF:/b/1", "LF:/b/2"]
    description = Description({"Executable": "x", "Split": split, "InputData": files})
    master, found = plan_jobs(description, "alice")
    assert (master.final_state, len(found)) == ("SPLIT", parts)
    assert all("Split" not in part.fields for part in found)


def test_subjobs_get_at_most_the_given_number_of_files() -> None:
    files = [f"/a/{number}" for number in range(10)]
    fields: dict[str, str | list[str]] = {"Executable": "x", "Split": "se", "SplitMaxInputFileNumber": "4"}
    _, parts = plan_jobs(Description({**fields, "InputData": files}), "alice")
    assert [len(part.items("InputData")) for part in parts] == [4, 4, 2]


@pytest.mark.parametrize("split", ["production:9-5", "production:1-99999", "file"])
def test_an_invalid_split_is_reported(split: str) -> None:
    with pytest.raises(BadDescriptionError, match="Cannot split"):
        plan_jobs(Description({"Executable": "x", "Split": split}), "alice")

"""The arguments of `cp` and the lines of its input file."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.selection import Selection
from aliend.core.copying.arguments import InputLine, parse_copy, parse_input
from aliend.errors import UsageError

NOW_MS = 1_700_000_000_000


def test_options_may_stand_anywhere() -> None:
    words = parse_copy(("a", "-f", "b", "-T", "3", "c", "--detach"), NOW_MS)
    assert (words.sources, words.target, words.detach) == (("a", "b"), "c", True)
    assert (words.spec.overwrite, words.spec.parallel) == ("changed", 3)


def test_arguments_after_two_dashes_are_paths() -> None:
    assert parse_copy(("--", "-f", "b"), NOW_MS).sources == ("-f",)


def test_every_option_of_a_copy_reaches_the_job() -> None:
    """F192, F193"""
    line = (
        "-S 20 -chunks 5 -chunksz 1M -timeout 9.5 -retry 4 -ratethreshold 10k -strictspec -http -noxrdzip --verify"
        " --priority -3 -parent 2 -rmprefix 1 --touch-empty --overwrite always --executor local"
    )
    spec = parse_copy((*line.split(), "a", "b"), NOW_MS).spec
    assert (spec.streams, spec.chunks, spec.chunk_size, spec.timeout, spec.retries) == (15, 5, 1 << 20, 9.5, 4)
    assert (spec.min_rate, spec.strict, spec.http, spec.whole_archives, spec.verify) == (10240, True, True, True, True)
    assert (spec.priority, spec.parents, spec.strip, spec.touch_empty, spec.overwrite) == (-3, 2, 1, True, "always")
    assert spec.executor == "local"
    spec = parse_copy(("-norecovery", "a", "b"), NOW_MS).spec
    assert (spec.retries, spec.recovery) == (0, False)


def test_strict_has_the_same_name_as_in_lfn2uri() -> None:
    assert parse_copy(("--strict", "-http", "a", "b"), NOW_MS).spec.strict


def test_a_selection_is_part_of_the_job() -> None:
    line = "-j 7 -l 5 -o 2 -site CERN -e *.log -e x -minsize 1k -user bob2"
    assert parse_copy((*line.split(), "a", "b"), NOW_MS).spec.selection == Selection(
        job="7", limit=5, offset=2, site="CERN", patterns_out=("*.log", "x"), sizes=(1024, 2**63 - 1), user="bob2"
    )


@pytest.mark.parametrize(
    "option", ["-cksum", "-fastcheck", "-skipmd5", "-xrdcp", "-y 2", "-v", "-a", "-s", "-c", "-w", "-wh", "-d"]
)
def test_ignored_options_are_accepted_with_a_note(option: str) -> None:
    """F222"""
    words = parse_copy((*option.split(), "a", "b"), NOW_MS)
    assert (words.sources, words.target) == (("a",), "b")
    assert words.notes[0].startswith(f"cp: {option.split()[0]} is ignored: ")


@pytest.mark.parametrize("option", ["-P", "-N", "-n", "-q", "-t 8", "-m", "-o 3", "-r"])
def test_options_of_old_scripts_are_accepted_with_their_values(option: str) -> None:
    """F223"""
    words = parse_copy(("a", *option.split(), "b"), NOW_MS)
    assert (words.sources, words.target) == (("a",), "b")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-forc", "a", "b"), "unknown option -forc; did you mean -force"),
        (("--detatch", "a", "b"), "did you mean --detach"),
        (("a",), "at least one source and a target"),
        (("-T", "no", "a", "b"), "-T needs a whole number"),
        (("a", "b", "-T"), "-T must be followed by a number"),
        (("-T", "0", "a", "b"), "at least 1"),
        (("-timeout", "soon", "a", "b"), "-timeout must be a number of seconds"),
        (("--overwrite", "maybe", "a", "b"), "never, changed, always"),
        (("--progress", "much", "a", "b"), "none, line, bars"),
        (("-input", "f", "a"), "unexpected argument a"),
        (("-dst", "d"), "at least one source"),
        (("-", "a", "b"), "standard input"),
        (("-j", "1", "-jobid", "2", "a", "b"), "different jobs"),
    ],
)
def test_invalid_arguments_are_refused(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_copy(words, NOW_MS)


def test_the_lines_of_an_input_file() -> None:
    """F190"""
    text = '# a comment\n\n  ; another\n// and one\na  file:b\n"two words" "file:ü x"\nalone\nx y z\n"open\n'
    lines, problems = parse_input(text, with_target=False)
    assert lines == [InputLine(5, "a", "file:b"), InputLine(6, "two words", "file:ü x")]
    assert [problem.partition(":")[0] for problem in problems] == ["line 7", "line 8", "line 9"]
    assert InputLine(7, "alone", "") in parse_input(text, with_target=True)[0]


def test_standard_input_is_accepted_as_the_only_source() -> None:
    parsed = parse_copy(["-", "b"], 0)
    assert (parsed.sources, parsed.target) == (("-",), "b")


@pytest.mark.parametrize("option", ["-m 2", "-q 3", "-n 1", "-N 4", "-P 2", "-t 8", "-y 2", "-m", "-q", "-v", "-cksum"])
def test_f223_an_ignored_option_takes_its_value(option: str) -> None:
    for words in (f"{option} a b", f"a {option} b", f"a b {option}" if " " in option else f"a {option} b"):
        parsed = parse_copy(words.split(), NOW_MS)
        assert (parsed.sources, parsed.target) == (("a",), "b")
        assert len(parsed.notes) == 1

"""Colours of states and directories; all other control characters are escaped."""

from __future__ import annotations

from aliend.core.cli.colours import colour_directories, colour_states


def test_f107_states_at_the_start_of_a_line_are_coloured() -> None:
    table = "   JOB  STATE     TARGET\n     7  failed    /x/done here\n  done          3 B  a -> b"
    assert colour_states(table) == (
        "   JOB  STATE     TARGET\n     7  \x1b[31mfailed\x1b[0m    /x/done here\n"
        "  \x1b[32mdone\x1b[0m          3 B  a -> b"
    )


def test_f107_directories_are_coloured_in_long_and_short_listings() -> None:
    assert colour_directories("a b/\nfile") == "\x1b[1;34ma b/\x1b[0m\nfile"
    assert colour_directories("drwx  u  u  0 Nov 23 23:03    data/") == (
        "drwx  u  u  0 Nov 23 23:03    \x1b[1;34mdata/\x1b[0m"
    )


def test_names_cannot_contain_colours() -> None:
    assert "\x1b[8m" not in colour_states("  done  \x1b[8mhidden")
    assert "\x1b[8m" not in colour_directories("\x1b[8mhidden/")

"""The table of commands."""

from __future__ import annotations

import inspect

import pytest

from aliend.commands.dispatch import COMMANDS, function_of


@pytest.mark.parametrize("name", [*COMMANDS, "ls"])
def test_every_command_names_a_function_that_runs_it(name: str) -> None:
    function = function_of(name)
    assert inspect.iscoroutinefunction(function)
    assert next(iter(inspect.signature(function, eval_str=True).parameters.values())).annotation.__name__ == "Runtime"

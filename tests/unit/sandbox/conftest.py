"""A stage for the tests of the sandbox's commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sandbox.in_process_grid import Stage, make_seed, make_stage


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("seed")
    make_seed(directory)
    return directory


@pytest.fixture
def stage(seed: Path, tmp_path: Path) -> Iterator[Stage]:
    made = make_stage(seed, tmp_path)
    yield made
    made.service.catalogue.close()

"""The suites that fsspec has for all file systems, without those that try its patterns in a hundred combinations."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from fsspec.tests import abstract

from alienctl.fsspec import AlienFileSystem

pytestmark = pytest.mark.xdist_group("fsspec-suites")
_numbers = itertools.count()


class _OnTheGrid(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_path(self, fs: AlienFileSystem, base: str) -> str:
        name = f"{base}/suite{next(_numbers)}"
        fs.mkdir(name)
        return name

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *names: "/".join(names)

    @pytest.fixture
    def fs(self, files: AlienFileSystem) -> AlienFileSystem:
        return files


class TestCopy(abstract.AbstractCopyTests, _OnTheGrid):
    test_copy_glob_edge_cases = None


class TestGet(abstract.AbstractGetTests, _OnTheGrid):
    test_get_glob_edge_cases = None


class TestPut(abstract.AbstractPutTests, _OnTheGrid):
    test_put_glob_edge_cases = None


class TestOpen(abstract.AbstractOpenTests, _OnTheGrid):
    pass


class TestPipe(abstract.AbstractPipeTests, _OnTheGrid):
    pass

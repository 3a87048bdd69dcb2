"""A grid's authority, a user and a service for each test of the central session."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from aliend.central.connection.login import Limits
from aliend.central.session import CentralSession
from tests.integration.central.service import Authority, Issued, Service, running

QUICK = Limits(first_pause=0.01, longest_pause=0.02)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def alice(authority: Authority) -> Issued:
    return authority.issue("alice")


@pytest.fixture
async def service(authority: Authority) -> AsyncGenerator[Service, None]:
    async with running(authority, authority.issue("service", host="localhost")) as service:
        yield service


@pytest.fixture
async def central(service: Service, authority: Authority, alice: Issued) -> AsyncGenerator[CentralSession, None]:
    async with CentralSession(service.context(authority.ca, alice), limits=QUICK) as central:
        yield central

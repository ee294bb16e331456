from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers import build_provider
from tests.providers.desk import Desk, SpaceDesk
from tests.providers.fakes import FAKES, settings_for
from tests.providers.fakes.space import FakeSpace


@pytest.fixture
async def desk(kind: str) -> AsyncIterator[Desk]:
    async with FAKES[kind]().serving() as fake:
        yield Desk(kind, fake, build_provider(settings_for(kind, fake)))


@pytest.fixture
async def space_desk() -> AsyncIterator[SpaceDesk]:
    async with FakeSpace().serving() as fake:
        yield SpaceDesk("space", fake, build_provider(settings_for("space", fake)))

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers import build_provider
from tests.providers.desk import Desk
from tests.providers.fakes import FAKES, settings_for


@pytest.fixture
async def desk(kind: str) -> AsyncIterator[Desk]:
    async with FAKES[kind]().serving() as fake:
        yield Desk(kind, fake, build_provider(settings_for(kind, fake)))

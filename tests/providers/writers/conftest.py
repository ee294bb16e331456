from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers.writers import build_writer
from tests.providers.fakes.chat import FakeChatApi
from tests.providers.writers.desk import WriterDesk, settings_for


@pytest.fixture
async def desk(kind: str) -> AsyncIterator[WriterDesk]:
    async with FakeChatApi().serving() as fake:
        yield WriterDesk(kind, fake, build_writer(settings_for(kind, fake)))

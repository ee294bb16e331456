"""Columns are added once, whatever happens to the answer, and none is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from daemon.notion import sources
from daemon.notion.errors import NoAccessError, NotionUnavailableError
from daemon.notion.model import Role
from daemon.notion.transport import NotionTransport
from daemon.pretend.models import FakeProperty
from daemon.pretend.server import FakeServer
from tests.daemon.house import MovingClock

WANTED = {
    Role.REGENERATE: ("Regenerate", "checkbox"),
    Role.IMAGE: ("Image", "files"),
    Role.STATUS: ("Image status", "select"),
    Role.NOTE: ("Image note", "rich_text"),
}


@pytest_asyncio.fixture(name="town")
async def _town() -> AsyncIterator[FakeServer]:
    clock = MovingClock()
    async with FakeServer(now=clock.now) as town:
        town.source = town.workspace.add_database("Mine", {"Name": "title"})
        yield town


@pytest_asyncio.fixture(name="wire")
async def _wire(town: FakeServer) -> AsyncIterator[NotionTransport]:
    clock = MovingClock()
    wire = NotionTransport(
        town.workspace.token,
        base_url=town.url,
        rate=100,
        sleep=clock.sleep,
        monotonic=clock.monotonic,
    )
    yield wire
    await wire.close()


def _types(town: FakeServer) -> dict[str, str]:
    return {column.name: column.type for column in town.source.columns.values()}


def _writes(town: FakeServer) -> list[Any]:
    return [
        request.body for request in town.workspace.requests if request.method == "PATCH"
    ]


async def test_they_are_added_in_one_write_with_options_to_choose(
    town: FakeServer, wire: NotionTransport
) -> None:
    await sources.add_properties(wire, town.source.id, WANTED)
    assert _types(town) == {"Name": "title", **dict(WANTED.values())}
    options = town.source.columns["Image status"].options
    assert [option["name"] for option in options] == [
        *("Queued", "Waiting", "Waiting for approval", "Done", "Card", "Failed"),
    ]
    assert len(_writes(town)) == 1


async def test_a_column_that_is_there_is_never_named_in_a_write(
    town: FakeServer, wire: NotionTransport
) -> None:
    """A name in a PATCH would give it another type, and its values would be lost."""
    town.workspace.add_column(
        town.source.id, FakeProperty("x1", "image NOTE", "number")
    )
    await sources.add_properties(wire, town.source.id, WANTED)
    assert _types(town)["image NOTE"] == "number"
    assert "Image note" not in _types(town)
    assert set(_writes(town)[0]["properties"]) == {
        *("Regenerate", "Image", "Image status"),
    }
    await sources.add_properties(wire, town.source.id, WANTED)
    assert len(_writes(town)) == 1


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_is_looked_after_before_it_is_repeated(
    town: FakeServer, wire: NotionTransport, *, after: bool
) -> None:
    town.workspace.inject_fault("PATCH /v1/data_sources", status=503, after=after)
    await sources.add_properties(wire, town.source.id, WANTED)
    assert _types(town) == {"Name": "title", **dict(WANTED.values())}
    # Carried out, it is not sent again.
    seen = [request for request in town.workspace.requests if request.method == "PATCH"]
    assert len([one for one in seen if one.status == 200]) == 1


async def test_what_is_made_by_somebody_meanwhile_stays_theirs(
    town: FakeServer, wire: NotionTransport
) -> None:
    town.workspace.inject_fault("PATCH /v1/data_sources", drop=True)
    sleep = wire.sleep

    async def made_meanwhile(seconds: float) -> None:
        if "Image" not in town.source.columns:
            town.workspace.add_column(
                town.source.id, FakeProperty("x1", "Image", "url")
            )
        await sleep(seconds)

    wire.sleep = made_meanwhile
    await sources.add_properties(wire, town.source.id, WANTED)
    assert _types(town)["Image"] == "url"
    assert _types(town)["Regenerate"] == "checkbox"


async def test_refusals_and_outages_are_said_in_words(
    town: FakeServer, wire: NotionTransport
) -> None:
    body = {
        "object": "error",
        "status": 403,
        "code": "restricted_resource",
        "message": "Insufficient permissions for this endpoint.",
    }
    town.workspace.inject_fault("PATCH /v1/data_sources", status=403, body=body)
    with pytest.raises(NoAccessError, match="tick Read content, Update content"):
        await sources.add_properties(wire, town.source.id, WANTED)
    town.workspace.inject_fault(
        "PATCH /v1/data_sources", times=9, status=502, html=True
    )
    with pytest.raises(NotionUnavailableError, match="Notion is unavailable"):
        await sources.add_properties(wire, town.source.id, WANTED)
    assert _types(town) == {"Name": "title"}

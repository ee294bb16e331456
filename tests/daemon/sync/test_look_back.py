"""From when on a poll asks for edits: never later than an edit may still turn up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon.notion.transport import parse_date_header
from daemon.sync.poller import OVERLAP, earlier_time, query_since
from db.models import SourceState
from tests.daemon.house import house

_NOW = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
_MINUTES = st.integers(-600, 600).map(lambda some: _NOW + timedelta(minutes=some))


def _state(watermark: datetime | None, *, swept: bool = True) -> SourceState:
    return SourceState(
        source="main",
        data_source="",
        title="",
        columns={},
        sweep_scope="",
        watermark=watermark,
        last_sweep_at=_NOW if swept else None,
    )


@given(watermark=_MINUTES | st.none(), seen=_MINUTES | st.none())
def test_it_asks_from_the_newest_edit_or_from_the_last_poll(
    watermark: datetime | None, seen: datetime | None
) -> None:
    since = query_since(_state(watermark), seen)
    assert since is not None
    if watermark and since > watermark - OVERLAP:
        assert seen is not None
        assert since <= seen - timedelta(minutes=5)
    # Only ticks before the first sweep; a later one has polls beside it.
    again = query_since(_state(watermark, swept=False), seen)
    assert again == (since if watermark else None)


@given(theirs=_MINUTES, ours=_MINUTES)
def test_of_two_clocks_the_one_behind_is_believed(
    theirs: datetime, ours: datetime
) -> None:
    assert earlier_time(theirs, ours) == min(theirs, ours)
    assert earlier_time(None, ours) is None


@given(header=st.text() | st.sampled_from(["Tue, 24 Nov 2026 10:15:30 GMT"]))
def test_a_date_is_read_or_there_is_none(header: str) -> None:
    parsed = parse_date_header(header)
    assert parsed is None or parsed.tzinfo is UTC
    assert parse_date_header("Tue, 24 Nov 2026 10:15:30 GMT") == _NOW


async def test_an_import_is_not_listed_for_ever(tmp_path: Path) -> None:
    async with house(tmp_path, toml="[posts]\nskip = { Name = 'Post' }\n") as home:
        for number in range(150):
            home.add(f"Post {number}")
        await home.begin()
        home.clock.move(minutes=30)
        for polls in (2, 2, 1, 1):
            home.forget()
            await home.poll()
            assert len(home.space.requests) == polls
            home.clock.move(seconds=10)
        # And what is written meanwhile is still found.
        page = home.add("A new one")
        await home.live()
        assert home.read(page)["Image status"] == "Done"

"""A month in a minute: 400 posts, little credit, outages, nightly reboots.

Credits run out on the 3rd and are back on the 1st; Notion is away twice.  What it
came to is printed (`pytest -s`) and checked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.pretend.server import FakeServer
from tests.daemon.house import House, MovingClock, house

POSTS = 400
DAYS = 30
#: What the account had bought; it lasts into the 3rd.
CREDITS = POSTS * 75 // 1000
_TOML = """\
chain = ["flux", "freeapi"]
[posts]
wait_after_edit = "2m"
[images]
format = "360x360"
[providers.flux]
price = 0.0035
"""
#: Hours of the month in which Notion is away: the 10th in the morning, the 20th.
_AWAY = {9 * 24 + hour for hour in range(6, 12)} | {
    19 * 24 + hour for hour in range(9, 21)
}


@dataclass
class Month:
    """The town, its clock, and what was counted."""

    folder: Path
    clock: MovingClock
    town: FakeServer
    pages: list[str] = field(default_factory=list)
    restarts: int = 0

    def write_posts(self, hour: int) -> None:
        """Somebody writes posts all day, evenly over the month."""
        due = POSTS * (hour + 3) // (DAYS * 24)
        for number in range(len(self.pages), due):
            values = {"Name": f"Post {number}", "Post": f"Bread number {number}."}
            self.pages.append(
                str(self.town.workspace.add_page(self.town.source.id, values))
            )

    def notion(self, *, away: bool) -> None:
        self.town.workspace.faults.waiting.clear()
        if away:
            self.town.workspace.inject_fault(
                "/v1/", times=100_000, status=503, html=True
            )

    async def day(self, day: int) -> None:
        """From one nightly reboot to the next."""
        self.restarts += 1
        async with house(
            self.folder, toml=_TOML, town=self.town, clock=self.clock
        ) as home:
            await home.begin()
            for hour in range(day * 24, (day + 1) * 24, 3):
                if day < DAYS:
                    self.notion(away=hour in _AWAY)
                    self.write_posts(hour)
                await home.live(seconds=3 * 3600)

    async def look(self) -> None:
        async with house(
            self.folder, toml=_TOML, town=self.town, clock=self.clock
        ) as home:
            await _all_is_well(self, home)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_month(tmp_path: Path) -> None:
    clock = MovingClock(datetime(2026, 11, 1, 3, tzinfo=UTC))
    town = FakeServer(now=clock.now)
    month = Month(tmp_path, clock, town)
    town.hub.sleep, town.hub.credits = clock.sleep, CREDITS
    town.workspace.requests_per_minute = None
    async with town:
        for day in range(DAYS):
            await month.day(day)
        # The first of December, and a little more.
        town.hub.credits = 1000
        for day in range(DAYS, DAYS + 3):
            await month.day(day)
        await month.look()


async def _all_is_well(month: Month, home: House) -> None:
    space, hub = home.space, home.hub
    jobs = await home.jobs_all()
    calls = [call for call in await home.calls_all() if call.provider == "flux"]
    ends = Counter(call.outcome for call in calls)
    replaced = sum(job.reason == "replace" and job.state == "done" for job in jobs)
    cards = sum(
        space.read_cells(page)["Image status"] == "Card" for page in month.pages
    )
    writes = len(home.writes())
    queries = sum(r.path.endswith("/query") for r in space.requests)
    money = sum(call.cost for call in calls)
    print(  # noqa: T201 - what the month came to
        f"\n{len(month.pages)} posts, {month.restarts} starts: {dict(ends)} calls of "
        f"flux, {hub.painted} paid for (${money:.2f} and what is included), {cards} "
        f"cards left, {replaced} replaced; {writes} writes, {queries} queries"
    )
    # No post without its image, and no job that is not at its end.
    assert len(month.pages) == POSTS
    assert all(len(space.list_files(page)) == 1 for page in month.pages)
    assert not [job for job in jobs if job.is_open]
    # A replacement that finds the credits still gone leaves its card alone.
    assert all(job.state == "done" or job.reason == "replace" for job in jobs)
    # Everything that was paid for is an image, and every image was paid for once.
    assert ends["image"] == hub.painted
    assert ends["unknown"] == 0
    # Out of credits since the 3rd: a call a day to see, not one a post or a start.
    assert CREDITS <= ends["image"] <= CREDITS + 5 * 4
    assert 25 <= ends["credits"] <= 32
    # December: replaced soonest first, five a day.
    assert 10 <= replaced <= 5 * 4
    assert cards == POSTS - CREDITS - replaced
    # Three writes a post and a replacement, one for a post that falls due while the
    # clock leaps, as it says that it is queued, and little more for the outages.
    assert writes <= 3 * (POSTS + replaced) + POSTS + 100
    assert money <= 5.0

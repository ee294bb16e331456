"""Several daemons on one PostgreSQL: real ones but for their process, real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon.pretend.town import Town
from daemon.several import last_heard, silent
from db.errors import DatabaseAwayError
from db.postgres import Postgres
from db.states import State
from tests.cluster import cluster
from tests.daemon.house import House, MovingClock, house

_LEASE = 180


@dataclass(slots=True)
class Fleet:
    """Daemons of one database, each with a folder of its own but for the images."""

    houses: list[House]
    place: Postgres

    @property
    def first(self) -> House:
        return self.houses[0]

    async def begin(self) -> None:
        for one in self.houses:
            await one.begin()

    async def live(self, rounds: int = 40) -> None:
        """Let all of them poll and work until nothing is open."""
        for _ in range(rounds):
            for one in self.houses:
                await one.company.look()
                await one.poll()
            await asyncio.gather(*(_work(one) for one in self.houses))
            if not await self.open():
                return
            self.first.clock.move(seconds=20)
        raise AssertionError(f"still open: {await self.open()}")

    async def open(self) -> list[tuple[int, State]]:
        jobs = await self.first.jobs()
        return [(job.id, job.state) for job in jobs if job.is_open]

    def speakers(self) -> list[House]:
        return [one for one in self.houses if one.flow.speaks]

    async def makers(self) -> Counter[str]:
        return Counter(job.claimed_by for job in await self.first.jobs())


@asynccontextmanager
async def fleet(
    folder: Path,
    *,
    size: int = 3,
    toml: str = "",
    environs: Sequence[Mapping[str, str]] = (),
) -> AsyncIterator[Fleet]:
    clock = MovingClock()
    town = Town(now=clock.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep
    place = cluster().ready()
    url = place.url.render_as_string()
    (folder / "shared").mkdir()
    await town.start()
    try:
        async with AsyncExitStack() as stack:
            houses: list[House] = []
            for number in range(size):
                own = folder / f"daemon{number}"
                own.mkdir()
                (own / "images").symlink_to(folder / "shared")
                more = environs[number] if environs else {}
                environ = {"POSTBRUSH_DATABASE__URL": url, **more}
                made = house(own, toml=toml, town=town, clock=clock, environ=environ)
                houses.append(await stack.enter_async_context(made))
            yield Fleet(houses, place)
    finally:
        await town.stop()


async def _until(true: Callable[[], object]) -> None:
    """Let others work until something is so; nothing waits for time to pass."""
    while not true():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)


async def _work(home: House) -> None:
    """Work as the loop does, which goes on when the database is back."""
    while True:
        try:
            await home.work()
        except DatabaseAwayError:
            continue
        else:
            return


def _asked(home: House) -> int:
    return sum(home.flow.traffic.values())


async def test_they_share_the_work_and_one_of_them_asks_notion(tmp_path: Path) -> None:
    async with fleet(tmp_path, toml="[posts]\nhold = 0\n") as all_:
        await all_.begin()
        pages = [all_.first.add(f"Post {n}", f"Bread number {n}.") for n in range(30)]
        await all_.first.poll()
        all_.first.clock.move(seconds=125)
        await all_.live()
        assert all_.first.hub.painted == len(pages)
        assert all(len(all_.first.read(page)["Image"]) == 1 for page in pages)
        assert len(await all_.makers()) > 1
        assert [bool(_asked(one)) for one in all_.houses] == [True, False, False]
        # A tick is seen by the one, and the image made by whoever is free.
        all_.first.space.tick(pages[0])
        await all_.live()
        assert all_.first.read(pages[0])["Regenerate"] is False
        assert all_.first.hub.painted == len(pages) + 1


async def test_when_the_one_who_asks_notion_dies_another_does(tmp_path: Path) -> None:
    async with fleet(tmp_path) as all_:
        await all_.begin()
        first, second, third = all_.houses
        page = first.add("Bread", "Bread for everyone.")
        await first.poll()
        first.clock.move(seconds=125)
        # It dies with the image made, and not on its page.
        first.space.fail("POST /v1/file_uploads", times=60, status=503)
        await first.work()
        assert await all_.open()
        first.space.faults.waiting.clear()
        await first.die()
        all_.houses = [second, third]
        await second.company.look()
        await third.company.look()
        assert all_.speakers() == [second]
        await all_.live()
        assert len(second.read(page)["Image"]) == 1
        assert second.hub.painted == 1
        assert _asked(third) == 0


async def test_what_a_dead_one_had_in_work_goes_on_when_its_lease_is_over(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, size=2) as all_:
        await all_.begin()
        first, second = all_.houses
        page = first.add("Bread", "Bread for everyone.")
        await first.poll()
        first.clock.move(seconds=125)
        answers = asyncio.Event()

        async def never(_seconds: float) -> None:
            await answers.wait()

        first.hub.sleep = never
        first.hub.seconds_per_image = 1.0
        await first.dispatcher.step()
        await _until(lambda: first.hub.painted)
        await first.company.look()
        await second.company.look()
        await first.die()
        all_.houses = [second]
        first.hub.sleep = first.clock.sleep
        # Not before: it may only be slow.
        await second.company.look()
        first.clock.move(seconds=_LEASE - 5)
        await second.company.look()
        (job,) = await second.jobs()
        assert job.state is State.GENERATING
        for _ in range(4):
            first.clock.move(seconds=_LEASE / 2)
            await second.company.look()
        await all_.live()
        (job,) = await second.jobs()
        outcomes = [call.outcome for call in await second.calls()]
        assert (job.state, outcomes) == (State.DONE, ["unknown", "image"])
        # The answer comes after all, to somebody whose claim is over.
        answers.set()
        await _until(lambda: not first.dispatcher.busy)
        assert [call.outcome for call in await second.calls()] == outcomes
        assert len(second.read(page)["Image"]) == 1


async def test_a_restart_takes_up_its_own_at_once_and_nobody_elses(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, size=2) as all_:
        await all_.begin()
        first, second = all_.houses
        first.add("Bread", "Bread for everyone.")
        await first.poll()
        first.clock.move(seconds=125)
        held = asyncio.Event()

        async def slow(_seconds: float) -> None:
            await held.wait()

        first.hub.sleep, first.hub.seconds_per_image = slow, 1.0
        await first.dispatcher.step()
        await _until(lambda: first.hub.painted)
        # Another one starts: the job is not its own.
        await second.company.begin()
        (job,) = await second.jobs()
        assert job.state is State.GENERATING
        await first.company.begin()
        (job,) = await second.jobs()
        assert job.state is State.QUEUED
        held.set()
        first.hub.sleep = first.clock.sleep
        await all_.live()


async def test_connections_that_are_cut_lose_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path, toml="[posts]\nhold = 0\n") as all_:
        await all_.begin()
        pages = [all_.first.add(f"Post {n}", f"Bread number {n}.") for n in range(12)]
        await all_.first.poll()
        all_.first.clock.move(seconds=125)

        async def cut() -> None:
            for images in (2, 5, 8):
                await _until(lambda: all_.first.hub.painted >= images)  # noqa: B023 - called at once
                await asyncio.to_thread(cluster().end_all, all_.place)

        await asyncio.gather(cut(), *(_work(one) for one in all_.houses))
        all_.first.clock.move(seconds=70)
        for one in all_.houses:
            await one.company.presence.until_there()  # type: ignore[attr-defined]  # of several
        await all_.live()
        assert all(len(all_.first.read(page)["Image"]) == 1 for page in pages)
        calls = Counter(call.outcome for call in await all_.first.calls_all())
        assert calls["image"] == len(pages)
        # What was not known to be sent counts as paid, and is made again.
        assert all_.first.hub.painted <= len(pages) + calls["unknown"]


async def test_one_asks_notion_and_the_other_makes_images(tmp_path: Path) -> None:
    environs = [
        {"POSTBRUSH_ROLES": '["notion"]'},
        {"POSTBRUSH_ROLES": '["generate"]', "NOTION_TOKEN": ""},
    ]
    async with fleet(tmp_path, size=2, environs=environs) as all_:
        await all_.begin()
        server, box = all_.houses
        page = server.add("Bread", "Bread for everyone.")
        await server.poll()
        # So long that its page is read before it is paid for.
        server.clock.move(seconds=1000)
        await all_.live()
        assert len(server.read(page)["Image"]) == 1
        assert _asked(box) == 0
        assert set(await all_.makers()) == {box.flow.who}
        # Trashed meanwhile: nothing is made for it.
        gone = server.add("Gone", "Bread that is gone.")
        await server.poll()
        server.clock.move(seconds=1000)
        server.space.trash(gone)
        await all_.live()
        assert server.hub.painted == 1


async def test_nobody_makes_images_for_a_source_that_is_shut(tmp_path: Path) -> None:
    async with fleet(tmp_path, size=2) as all_:
        await all_.begin()
        first, second = all_.houses
        first.add("Bread", "Bread for everyone.")
        await first.poll()
        first.clock.move(seconds=125)
        first.space.sources[first.town.source.id].shared = False
        await first.poll()
        assert first.flow.outage.shut
        await second.work()
        assert second.hub.painted == 0
        first.space.sources[first.town.source.id].shared = True
        first.clock.move(seconds=400)
        await all_.live()
        assert second.hub.painted == 1


_BEATS = st.dictionaries(st.sampled_from("abc"), st.integers(-1, 3))


@given(st.lists(st.tuples(_BEATS, st.floats(0.1, 100))), st.floats(1, 200))
def test_nobody_is_dead_who_was_heard_of_within_the_lease(
    looks: list[tuple[dict[str, int], float]], lease: float
) -> None:
    seen: dict[str, tuple[int, float]] = {}
    moment = 0.0
    news: dict[str, float] = {}
    known: dict[str, int] = {}
    for beats, later in looks:
        moment += later
        for who in {*news} - {*beats}:
            del news[who], known[who]
        for who, count in beats.items():
            if known.get(who) != count:
                news[who], known[who] = moment, count
        seen = last_heard(seen, beats, moment)
        expected = sorted(w for w, at in news.items() if moment - at >= lease)
        assert silent(seen, moment, lease) == expected

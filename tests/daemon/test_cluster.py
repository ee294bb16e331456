"""Several daemons on one PostgreSQL: real ones but for their process, real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import status_line
from daemon.cluster.base import Peer, describe_stores, list_peers
from daemon.cluster.member import expired_members, last_seen
from db.states import JobState
from tests.cluster import cluster
from tests.daemon.fleet import asked, fleet, until, work
from tests.daemon.house import START, House

_LEASE = 180


@pytest.mark.long
async def test_they_share_the_work_and_one_of_them_asks_notion(tmp_path: Path) -> None:
    async with fleet(tmp_path, toml="[posts]\napprove_above = 0\n") as all_:
        await all_.begin()
        pages = [all_.first.add(f"Post {n}", f"Bread number {n}.") for n in range(30)]
        hub = all_.first.hub

        async def more_than_one_can_do(_seconds: float) -> None:
            # The first goes ahead alone; each has four at once.
            await until(lambda: hub.painted == 1 or hub.painted > 5)

        hub.sleep = more_than_one_can_do
        await all_.first.poll()
        all_.first.clock.move(seconds=125)
        await all_.live()
        assert hub.painted == len(pages)
        assert all(len(all_.first.read(page)["Image"]) == 1 for page in pages)
        assert len(await all_.makers()) > 1
        assert [bool(asked(member)) for member in all_.houses] == [True, False, False]
        # A tick is seen by the one, and the image made by whoever is free.
        all_.first.space.tick_box(pages[0])
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
        first.space.inject_fault("POST /v1/file_uploads", times=60, status=503)
        await first.work()
        assert await all_.open()
        first.space.faults.waiting.clear()
        await first.die()
        all_.houses = [second, third]
        # The server has its own pace in finding out.
        while not all_.speakers():
            await second.company.renew_membership()
            await third.company.renew_membership()
        await all_.live()
        assert len(second.read(page)["Image"]) == 1
        assert second.hub.painted == 1
        assert [bool(asked(member)) for member in all_.houses].count(True) == 1


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
        await first.dispatcher.tick()
        await until(lambda: first.hub.painted)
        await first.company.renew_membership()
        await second.company.renew_membership()
        await first.die()
        all_.houses = [second]
        first.hub.sleep = first.clock.sleep
        # Not before: it may only be slow.
        await second.company.renew_membership()
        first.clock.move(seconds=_LEASE - 5)
        await second.company.renew_membership()
        (job,) = await second.jobs()
        assert job.state is JobState.GENERATING
        for _ in range(4):
            first.clock.move(seconds=_LEASE / 2)
            await second.company.renew_membership()
        await all_.live()
        (job,) = await second.jobs()
        outcomes = [call.outcome for call in await second.calls()]
        assert (job.state, outcomes) == (JobState.DONE, ["unknown", "image"])
        # The answer comes after all, to somebody whose claim is over.
        answers.set()
        await until(lambda: not first.dispatcher.is_busy)
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
        await first.dispatcher.tick()
        await until(lambda: first.hub.painted)
        # Another one starts: the job is not its own.
        await second.company.recover_work()
        (job,) = await second.jobs()
        assert job.state is JobState.GENERATING
        await first.company.recover_work()
        (job,) = await second.jobs()
        assert job.state is JobState.QUEUED
        held.set()
        first.hub.sleep = first.clock.sleep
        await all_.live()


@pytest.mark.long
async def test_connections_that_are_cut_lose_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path, toml="[posts]\napprove_above = 0\n") as all_:
        await all_.begin()
        pages = [all_.first.add(f"Post {n}", f"Bread number {n}.") for n in range(12)]
        await all_.first.poll()
        all_.first.clock.move(seconds=125)

        async def cut() -> None:
            for images in (2, 5, 8):
                await until(lambda: all_.first.hub.painted >= images)  # noqa: B023 - called at once
                await asyncio.to_thread(cluster().end_all, all_.place)

        await asyncio.gather(cut(), *(work(member) for member in all_.houses))
        all_.first.clock.move(seconds=70)
        for one in all_.houses:
            await one.company.presence.wait_connected()  # type: ignore[attr-defined]  # of several
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
        assert asked(box) == 0
        assert set(await all_.makers()) == {box.source.app.instance.id}
        # Trashed meanwhile: nothing is made for it.
        gone = server.add("Gone", "Bread that is gone.")
        await server.poll()
        server.clock.move(seconds=1000)
        server.space.trash_page(gone)
        await all_.live()
        assert server.hub.painted == 1


async def test_each_knows_of_the_others_and_which_of_them_asks_notion(
    tmp_path: Path,
) -> None:
    environs = [{}, {"POSTBRUSH_ROLES": '["generate"]'}, {}]
    async with fleet(tmp_path, environs=environs) as all_:
        await all_.begin()

        async def seen(by: House) -> list[tuple[str, bool]]:
            async with by.source.app.db.read_transaction() as tx:
                there = await list_peers(
                    tx, by.source.app.db, by.source.app.instance.id
                )
            return sorted((one.roles, one.is_leader) for one in there)

        first, second, third = all_.houses
        assert await seen(first) == [("generate", False), ("notion, generate", False)]
        assert await seen(second) == [
            ("notion, generate", False),
            ("notion, generate", True),
        ]
        await first.poll()
        assert "last poll" in status_line.describe_watching(first.sources)
        assert (
            status_line.describe_watching(third.sources)
            == "another daemon polls Notion"
        )
        # One that is stopped is gone at once, one that dies once it was silent.
        await third.company.leave()  # type: ignore[attr-defined]  # of several
        await first.die()
        while await seen(second) != [("notion, generate", False)]:
            await second.company.renew_membership()


_S3, _OTHER = "s3://pictures/oven", "s3://pictures/old"


@pytest.mark.parametrize(
    ("own", "stores", "found", "todo"),
    [
        (_S3, [_S3, _S3], f"all daemons use {_S3}", ""),
        ("", ["", ""], "must have the same folder", ""),
        (_S3, [_S3, ""], f"this daemon uses {_S3}, box1 uses its own folder", "same"),
        ("", [_S3], f"this daemon uses its own folder, box0 uses {_S3}", "same"),
        (_S3, [_OTHER], f"box0 uses {_OTHER}", "same"),
    ],
)
def test_images_that_are_not_in_one_place_are_to_be_mended(
    own: str, stores: list[str], found: str, todo: str
) -> None:
    there = [
        Peer(
            name=f"box{number}",
            roles="generate",
            since=START,
            heard_at=START,
            is_leader=False,
            store=store,
        )
        for number, store in enumerate(stores)
    ]
    said, to_do = describe_stores(own, there)
    assert found in said
    assert (todo in to_do, bool(to_do)) == (True, bool(todo))


@pytest.mark.long
async def test_nobody_makes_images_for_a_source_that_is_shut(tmp_path: Path) -> None:
    async with fleet(tmp_path, size=2) as all_:
        await all_.begin()
        first, second = all_.houses
        first.add("Bread", "Bread for everyone.")
        await first.poll()
        first.clock.move(seconds=125)
        first.space.sources[first.town.source.id].shared = False
        await first.poll()
        assert first.source.notion_backoff.is_refused
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
        seen = last_seen(seen, beats, moment)
        expected = sorted(w for w, at in news.items() if moment - at >= lease)
        assert expired_members(seen, moment, lease) == expected

"""Three real daemons share the work; whatever happens to one, nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import cluster
from tests.daemon.cli.crew import Crew, crew
from tests.daemon.imaging.store.server import Shop

pytestmark = pytest.mark.timeout(600)

_POSTS = 300
_RATE = 40


async def test_three_share_300_posts_and_keep_notions_budget(
    shop: Shop, tmp_path: Path
) -> None:
    # Nobody dies here: a lease that a busy machine cannot miss.
    async with crew(
        tmp_path, size=3, rate=_RATE, lease="60s", toml=shop.toml(), **shop.environ
    ) as all_:
        town = all_.desk.town
        town.hub.seconds_per_image = 0.3
        pages = [
            all_.desk.add(f"Post {n}", f"Bread number {n}.") for n in range(_POSTS)
        ]
        await all_.until(lambda: len(all_.uploads()) >= _POSTS)
        # Each image once: made, paid, kept, and put on its page.
        assert town.hub.painted == _POSTS
        assert all(len(town.workspace.list_files(page)) == 1 for page in pages)
        outcomes = Counter(
            all_.ask("SELECT outcome, count(*) FROM attempts GROUP BY 1")
        )
        assert outcomes == Counter([("image", _POSTS)])
        assert len(shop.names()) == _POSTS
        # All of them worked, and one of them asked Notion.
        makers = all_.ask("SELECT claimed_by, count(*) FROM jobs GROUP BY 1")
        assert len(makers) == 3
        assert min(count for _, count in makers) > _POSTS // 10
        statuses = Counter(request.status for request in town.workspace.requests)
        assert set(statuses) == {200}, statuses
        assert all_.speaker() in all_.running


async def test_whatever_happens_to_them_nothing_is_lost_or_paid_for_twice(
    shop: Shop, tmp_path: Path
) -> None:
    async with crew(
        tmp_path, size=3, rate=_RATE, toml=shop.toml(), **shop.environ
    ) as all_:
        town = all_.desk.town
        town.hub.seconds_per_image = 0.3
        pages = [all_.desk.add(f"Post {n}", f"Bread number {n}.") for n in range(120)]

        async def until(count: int) -> None:
            await all_.until(
                lambda: (
                    sum(bool(town.workspace.list_files(page)) for page in pages)
                    >= count
                )
            )

        await until(10)
        # One that only makes images; then the one who asks Notion, too.
        speaker = all_.speaker()
        maker = next(number for number in all_.running if number != speaker)
        await all_.kill(maker)
        await until(25)
        await all_.kill(speaker)
        await until(40)
        await all_.start(maker)
        await asyncio.to_thread(cluster().end_all, all_.place)
        await until(55)
        shop.gate.shut()
        await all_.until(lambda: town.hub.painted >= 60)
        shop.gate.open()
        await until(70)
        await asyncio.to_thread(_restart_the_server)
        await until(90)
        await all_.start(speaker)
        await until(len(pages))
        await _nothing_open(all_)
        assert all(len(town.workspace.list_files(page)) == 1 for page in pages)
        calls = dict(all_.ask("SELECT outcome, count(*) FROM attempts GROUP BY 1"))
        assert calls["image"] == len(pages)
        # What died in the middle is counted as paid, and made again: no more of it
        # than was under way, four calls in each of the two that were killed and of
        # the two whose database server was restarted.
        assert town.hub.painted <= len(pages) + calls.get("unknown", 0)
        assert calls.get("unknown", 0) <= 4 * 4
        assert calls.keys() <= {"image", "unknown"}
        twice = all_.ask(
            "SELECT job_id FROM attempts WHERE outcome = 'image' GROUP BY 1 "
            "HAVING count(*) > 1"
        )
        assert twice == []


def _restart_the_server() -> None:
    cluster().stop()
    cluster().start()


async def _nothing_open(all_: Crew) -> None:
    def is_done() -> bool:
        query = "SELECT count(*) FROM jobs WHERE state <> 'done'"
        return all_.ask(query) == [(0,)]

    await all_.until(is_done)


async def test_one_asks_notion_and_another_makes_the_images(
    shop: Shop, tmp_path: Path
) -> None:
    toml = shop.toml()
    async with crew(tmp_path, size=0, rate=_RATE, toml=toml, **shop.environ) as all_:
        await all_.start(0, POSTBRUSH_ROLES='["notion"]', HUGGINGFACE_TOKEN="x" * 20)
        await all_.start(1, POSTBRUSH_ROLES='["generate"]', NOTION_TOKEN="")
        all_.desk.add("Bread", "Bread for everyone.")
        await all_.until(lambda: len(all_.uploads()) == 1)
        ((claimer,),) = all_.ask("SELECT claimed_by FROM jobs")
        assert (all_.folder(1) / "postbrush.id").read_text().strip() == claimer
        # Fetched from the store, to be uploaded.
        ((name,),) = all_.ask("SELECT name FROM images")
        assert (all_.folder(0) / "images" / name).is_file()

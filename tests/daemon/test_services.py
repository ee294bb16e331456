"""Every kind of service through the whole daemon: from the post to its page."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from PIL import Image

from daemon.jobs import actions
from daemon.pretend.server import FakeServer
from db import queue, source_state
from tests.daemon.house import MovingClock, house
from tests.daemon.services import house_with, keys_for, toml_for
from tests.providers.fakes import FAKES


@pytest.mark.parametrize("kind", sorted(FAKES))
@pytest.mark.parametrize(
    ("format_name", "size"), [("square", (1080, 1080)), ("story", (1080, 1920))]
)
async def test_each_makes_an_image_of_exactly_the_size(
    kind: str, format_name: str, size: tuple[int, int], tmp_path: Path
) -> None:
    async with (
        FAKES[kind]().serving() as fake,
        house_with(tmp_path, kind, fake) as home,
    ):
        page = home.add(Format=format_name)
        await home.live()
        (file,) = home.space.list_files(page)
        assert file.name.startswith(f"{kind}_generated_")
        assert Image.open(io.BytesIO(file.data)).size == size
        assert fake.painted == 1
        assert fake.strangers == []
        (call,) = await home.calls()
        assert (call.provider, call.outcome) == (kind, "image")
        assert fake.token not in "\n".join(home.said)


async def test_a_chain_of_troubles_ends_at_the_one_that_serves(tmp_path: Path) -> None:
    async with (
        FAKES["replicate"]().serving() as replicate,
        FAKES["runpod"]().serving() as runpod,
        FAKES["localai"]().serving() as localai,
    ):
        toml = (
            "chain = ['flux', 'replicate', 'runpod', 'localai', 'freeapi']\n"
            f"[providers.replicate]\nbase_url = '{replicate.url}'\n"
            f"[providers.runpod]\nbase_url = '{runpod.url}'\n"
            "endpoint = 'my-endpoint'\n"
            f"[providers.localai]\nbase_url = '{localai.url}'\n"
        )
        environ = {
            **keys_for("replicate", replicate),
            **keys_for("runpod", runpod),
            **keys_for("localai", localai),
        }
        async with house(tmp_path, toml=toml, environ=environ) as home:
            await home.begin()
            home.hub.spend_all()
            words = "Request was throttled. Your rate limit resets in ~600s."
            replicate.fail(429, {"detail": words, "retry_after": 600})
            runpod.fail(500, {"error": "worker crashed"})
            page = home.add()
            await home.live()
            assert home.read(page)["Image provider"] == "LocalAI"
            calls = await home.calls()
            calls_made = [
                (call.provider, call.outcome, call.http_status) for call in calls
            ]
            assert calls_made == [
                ("flux", "credits", 402),
                ("replicate", "rate_limited", 429),
                ("runpod", "unavailable", 500),
                ("localai", "image", 200),
            ]
            assert "depleted your monthly included credits" in calls[0].error
            assert words in calls[1].error
            assert "worker crashed" in calls[2].error
            # What came to nothing was not paid for.
            assert sum(call.cost + call.included_cost for call in calls) == 0


async def test_a_restart_waits_for_the_job_that_was_paid_for(tmp_path: Path) -> None:
    clock = MovingClock()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    async with town, FAKES["replicate"]().serving() as fake:
        fake.looks = 10**6
        async with house_with(tmp_path, "replicate", fake, town, clock) as home:
            page = home.add()
            await home.poll()
            clock.move(seconds=130)

            async def stop(seconds: float) -> None:
                clock.move(seconds=seconds)
                home.source.app.signals.stopping.set()
                await asyncio.sleep(0)

            home.source.app.provider_runner._sleep = stop
            await home.poll()
            await home.dispatcher.tick()
            await home.dispatcher.drain()
            (call,) = await home.calls()
            assert (call.outcome, call.remote_id, fake.painted) == (None, "job-0", 0)
        fake.jobs["job-0"]["looks"] = 0
        # Off for half an hour, which is beyond its deadline.
        clock.move(minutes=30)
        async with house_with(tmp_path, "replicate", fake, town, clock) as later:
            await later.work()
            (call,) = await later.calls()
            assert call.outcome == "image"
            assert fake.painted == len(fake.orders) == 1
            assert later.read(page)["Image provider"] == "Replicate FLUX"


async def test_cancelling_a_job_cancels_it_where_it_runs(tmp_path: Path) -> None:
    async with (
        FAKES["replicate"]().serving() as fake,
        house_with(tmp_path, "replicate", fake) as home,
    ):
        fake.looks = 10**6
        page = home.add()
        await home.poll()
        home.clock.move(seconds=130)
        await home.poll()
        looked = asyncio.Event()

        async def slowly(seconds: float) -> None:
            home.clock.move(seconds=seconds / 100)
            looked.set()
            await asyncio.sleep(0)

        home.source.app.provider_runner._sleep = slowly
        await home.dispatcher.tick()
        await looked.wait()
        async with home.source.app.db.write_transaction() as tx:
            (job,) = await queue.list_jobs(tx, limit=1)
            await actions.cancel_job(tx, job, home.clock.now())
        await home.work()
        assert fake.cancelled == ["job-0"]
        (call,) = await home.calls()
        # Some bill what was begun: it counts as paid until somebody knows better.
        assert (call.outcome, call.cost > 0) == ("unknown", True)
        assert home.space.list_files(page) == []
        assert [job.state for job in await home.jobs()] == ["cancelled"]


async def test_nothing_more_is_paid_for_a_job_that_was_cancelled(
    tmp_path: Path,
) -> None:
    async with (
        FAKES["localai"]().serving() as first,
        FAKES["replicate"]().serving() as second,
    ):
        toml = (
            "chain = ['localai', 'replicate', 'freeapi']\n"
            f"[providers.localai]\nbase_url = '{first.url}'\nmodel = 'flux'\n"
            f"[providers.replicate]\nbase_url = '{second.url}'\n"
        )
        environ = keys_for("replicate", second) | keys_for("localai", first)
        async with house(tmp_path, toml=toml, hugging=False, environ=environ) as home:
            await home.begin()
            asked, go_on = asyncio.Event(), asyncio.Event()

            class Slow(web.Response):
                async def prepare(
                    self, request: web.BaseRequest
                ) -> AbstractStreamWriter | None:
                    asked.set()
                    await go_on.wait()
                    return await super().prepare(request)

            first.answers.append(lambda: Slow(status=500))
            home.add()
            await home.poll()
            home.clock.move(seconds=130)
            await home.poll()
            await home.dispatcher.tick()
            await asked.wait()
            async with home.source.app.db.write_transaction() as tx:
                (job,) = await queue.list_jobs(tx, limit=1)
                await actions.cancel_job(tx, job, home.clock.now())
            go_on.set()
            await home.work()
            assert second.orders == []
            assert [call.provider for call in await home.calls()] == ["localai"]


async def test_your_own_server_is_greeted_before_a_job_is_tried(
    tmp_path: Path,
) -> None:
    async with (
        FAKES["localai"]().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        for _ in range(3):
            fake.fail(500, {"error": {"message": "could not load model"}})
        for number in range(3):
            home.add(f"Post {number}", f"Bread number {number}.")
        await home.live()
        opened = [line for line in home.said if "breaker.opened" in line]
        assert len(opened) == 1
        tried = len(fake.orders)
        # Still away when its time has come: it is greeted, and no job tried.
        real, up = fake.refusal, False

        def away(request: web.Request) -> web.Response | None:
            return real(request) if up else web.Response(status=502)

        fake.refusal = away  # type: ignore[method-assign]  # on this one fake
        home.clock.move(minutes=2)
        page = home.add("Later", "Later bread.")
        await home.live()
        assert len(fake.orders) == tried
        assert home.read(page)["Image status"] == "Card"
        up = True
        home.clock.move(minutes=5)
        fresh = home.add("Much later", "Much later bread.")
        await home.live()
        assert home.read(fresh)["Image provider"] == "LocalAI"
        async with home.source.app.db.read_transaction() as tx:
            (row,) = [
                one
                for one in (await source_state.load_breakers(tx)).values()
                if one.name == "localai"
            ]
        assert row.state == "closed"


async def test_a_daily_allowance_is_counted_by_the_day(tmp_path: Path) -> None:
    async with FAKES["cloudflare"]().serving() as fake:
        toml = "free_only = true\n" + toml_for("cloudflare", fake)
        toml += "included = 0.0015\n"
        async with house(
            tmp_path,
            toml=toml,
            hugging=False,
            environ=keys_for("cloudflare", fake),
        ) as home:
            await home.begin()
            pages = [home.add(f"Post {n}", f"Bread number {n}.") for n in range(3)]
            await home.live()
            # Two fit into what the day includes, the third is a card.
            made = sorted(home.read(page)["Image provider"] for page in pages)
            assert made == ["Card", "Cloudflare FLUX", "Cloudflare FLUX"]
            home.clock.move(days=1)
            await home.live()
            assert fake.painted == 3
            assert {call.cost for call in await home.calls()} == {0.0}

"""Several databases in one process: each its own settings, one budget of Notion's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon import status_line
from daemon.context import Sources
from daemon.jobs import actions
from daemon.pretend.models import DataSource
from daemon.pretend.posts import COLUMNS
from daemon.pretend.server import FakeServer
from db import posts, source_state
from db.models import Job, Pause
from db.queue import interleave_by_priority
from db.states import JobReason, JobState
from tests.daemon.house import START, House, MovingClock, house

_MORE = {**COLUMNS, "Caption": "rich_text"}


@asynccontextmanager
async def two(
    folder: Path, toml: str = "", environ: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[House, DataSource]]:
    """A house with the sources `shop` and `club`; the second is returned with it."""
    clock = MovingClock()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep
    club = town.workspace.add_database("Club posts", _MORE)
    text = (
        f'[sources.shop]\ndata_source = "{town.source.id}"\n'
        f'[sources.club]\ndata_source = "{club.id}"\n{toml}'
    )
    await town.start()
    try:
        async with house(
            folder, toml=text, town=town, clock=clock, environ=environ
        ) as home:
            await home.begin()
            yield home, club
    finally:
        await town.stop()


def _post(home: House, source: DataSource, title: str, **cells: str) -> str:
    return str(home.space.add_page(source.id, {"Name": title, **cells}))


async def test_each_source_has_its_own_words_format_and_columns(
    tmp_path: Path,
) -> None:
    toml = (
        '[sources.club.properties]\npost = "Caption"\n'
        '[sources.club.prompt]\nstyle = "in watercolour"\n'
        '[sources.club.images]\nformat = "320x256"\n'
        '[sources.club.posts]\non_done = { "Caption" = "done" }\n'
    )
    async with two(tmp_path, toml) as (home, club):
        ours = home.add("Bread", "Bread for everyone.")
        theirs = _post(home, club, "Rowing", Caption="A rowing boat at dawn.")
        await home.live()
        jobs = {job.page_id: job for job in await home.jobs()}
        assert (jobs[ours].source, jobs[theirs].source) == ("shop", "club")
        assert {job.state for job in jobs.values()} == {JobState.DONE}
        assert "watercolour" in jobs[theirs].inputs["prompt"]
        assert "watercolour" not in jobs[ours].inputs["prompt"]
        assert jobs[theirs].inputs["format"] == "320x256"
        assert home.read(theirs)["Caption"] == "done"
        assert len(home.read(ours)["Image"]) == len(home.read(theirs)["Image"]) == 1
        # Whose line of the log it is.
        done = [line for line in home.said if line.startswith("job.done")]
        assert sorted(line.split()[1] for line in done) == ["club:", "shop:"]


async def test_one_token_has_one_budget_and_two_tokens_have_two(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (home, _):
        wires = {id(source.notion.transport) for source in home.sources}
        assert len(wires) == 1
    environ = {"NOTION_TOKEN_CLUB": "ntn_another"}
    async with two(tmp_path, environ=environ) as (home, _):
        wires = {id(source.notion.transport) for source in home.sources}
        assert len(wires) == 2
        shop, club = home.sources
        # The pretend Notion does not know it: that one source is shut, and only that.
        assert club.notion_backoff.is_refused
        assert not shop.notion_backoff.is_refused
        assert home.sources.outage_reason.startswith("club: ")
        page = home.add("Bread", "Bread for everyone.")
        await home.live()
        assert home.read(page)["Image"]


async def test_a_box_ticked_in_one_source_goes_before_the_backlog_of_another(
    tmp_path: Path,
) -> None:
    async with two(tmp_path, "[posts]\napprove_above = 0\n") as (home, club):
        first = _post(home, club, "Rowing", Post="A rowing boat.")
        await home.live()
        for number in range(30):
            home.add(f"Bread {number}", f"Bread number {number}.")
        await home.poll()
        home.clock.move(seconds=200)
        home.space.tick_box(first)
        await home.poll()
        home.forget()
        await home.work()
        jobs = await home.jobs()
        again = next(job for job in jobs if job.reason is JobReason.REGENERATE)
        earlier = [
            job
            for job in jobs
            if job.source == "shop" and job.moved_at < again.moved_at
        ]
        assert again.state is JobState.DONE
        # Those that were in work already.
        assert len(earlier) <= 8


async def test_a_budget_of_its_own_and_the_one_shared_by_the_others(
    tmp_path: Path,
) -> None:
    toml = (
        "[budget]\nmonth = 2.0\n[sources.club.budget]\nmonth = 1.0\n"
        "[providers.flux]\nprice = 1.0\nincluded = 0.0\n"
    )
    async with two(tmp_path, toml) as (home, club):
        for number in range(3):
            home.add(f"Bread {number}", f"Bread number {number}.")
            _post(home, club, f"Boat {number}", Post=f"Boat number {number}.")
        await home.live()
        paid = [call.source for call in await home.calls() if call.cost]
        assert sorted(paid) == ["club", "shop", "shop"]
        # The others got the card.
        assert {job.state for job in await home.jobs()} == {JobState.DONE}
        shop, own = home.sources
        assert shop.includes_spending_of("long gone")
        assert not shop.includes_spending_of("club")
        assert not own.includes_spending_of("shop")
        # Said of each, in whatever order they are written.
        turned = Sources(shop.app, {"club": own, "shop": shop})
        assert (turned.shared_budget_source, turned.own_budget_sources) == (shop, [own])
        assert "$2.00 of $2.00 this month" in await status_line.compose_status_line(
            turned
        )


async def test_a_pause_and_a_hold_are_of_one_source(tmp_path: Path) -> None:
    async with two(tmp_path, "[sources.club.posts]\napprove_above = 1\n") as (
        home,
        club,
    ):
        async with home.source.app.db.write_transaction() as tx:
            now = home.source.app.now()
            await source_state.set_pause(
                tx, Pause(source="shop", since=now, until=None)
            )
        resting = home.add("Bread", "Bread for everyone.")
        several = [
            _post(home, club, f"Boat {n}", Post=f"Boat number {n}.") for n in range(3)
        ]
        await home.live()
        assert not home.read(resting)["Image"]
        async with home.source.app.db.write_transaction() as tx:
            assert await posts.count_held(tx, source="club") == 3
            assert await posts.count_held(tx, source="shop") == 0
            assert (
                await actions.approve_held(
                    tx, None, home.source.app.now(), source="shop"
                )
                == []
            )
            await actions.approve_held(tx, None, home.source.app.now(), source="club")
        await home.work()
        assert all(home.read(page)["Image"] for page in several)
        assert not home.read(resting)["Image"]
        async with home.source.app.db.write_transaction() as tx:
            await source_state.clear_pause(tx, "shop")
        await home.work()
        assert home.read(resting)["Image"]


async def test_credits_that_are_out_are_out_for_all(tmp_path: Path) -> None:
    async with two(tmp_path) as (home, club):
        home.hub.credits = 0
        home.add("Bread", "Bread for everyone.")
        await home.live()
        asked = len(home.hub.served)
        _post(home, club, "Rowing", Post="A rowing boat.")
        await home.live()
        assert len(home.hub.served) == asked
        assert sum(line.startswith("breaker.opened") for line in home.said) == 1
        # It concerns all of them.
        opened = next(line for line in home.said if line.startswith("breaker.opened"))
        assert opened.startswith("breaker.opened flux: ")


async def test_one_database_as_two_sources_is_refused_for_the_second(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (home, club):
        link = f"https://www.notion.so/{club.database_id.replace('-', '')}"
    toml = (
        f'[sources.club]\ndata_source = "{club.id}"\n'
        f'[sources.twin]\ndata_source = "{link}"\n'
    )
    async with house(tmp_path, toml=toml, town=home.town, clock=home.clock) as home:
        await home.town.start()
        try:
            await home.begin()
            club_flow, twin = home.sources
            assert not club_flow.notion_backoff.why
            assert "source club has the same Notion database" in twin.notion_backoff.why
            page = _post(home, club, "Rowing", Post="A rowing boat.")
            await home.live()
            assert [job.page_id for job in await home.jobs()] == [page]
        finally:
            await home.town.stop()


@given(
    st.lists(
        st.lists(st.sampled_from(list(JobReason)), max_size=8).map(
            lambda reasons: sorted(reasons, key=lambda reason: reason.rank)
        ),
        max_size=4,
    )
)
def test_equals_take_turns_and_each_keeps_its_order(
    queues: list[list[JobReason]],
) -> None:
    jobs = [
        [_job(f"s{number}", place, reason) for place, reason in enumerate(queue)]
        for number, queue in enumerate(queues)
    ]
    turns = interleave_by_priority(jobs)
    assert sorted(job.id for job in turns) == sorted(j.id for q in jobs for j in q)
    assert [j.reason.rank for j in turns] == sorted(j.reason.rank for j in turns)
    for queue in jobs:
        assert [job for job in turns if job in queue] == queue
    for reason in JobReason:
        served = [job.source for job in turns if job.reason is reason]
        for place, source in enumerate(served):
            # Nobody is served again while somebody who waits was served less often.
            so_far = served[:place].count(source)
            waits = {one for one in served[place:] if one != source}
            assert all(so_far <= served[:place].count(one) for one in waits)


def _job(source: str, place: int, reason: JobReason) -> Job:
    return Job(
        id=hash((source, place)) % 10**9,
        source=source,
        page_id=f"{place:032x}",
        title="",
        reason=reason,
        state=JobState.QUEUED,
        created_at=START,
        due_at=START,
        moved_at=START,
        fingerprint="",
        inputs={},
        rounds=0,
        tries=0,
        first_waited_at=None,
        waiting_for_provider=None,
        acked_at=None,
        pending_write="",
        pending_note="",
        waiting_notified_at=None,
        reopened_at=None,
        again=None,
        outcome="",
    )

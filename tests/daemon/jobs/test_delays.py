"""The pause between two tries: how long, of what, and who is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import dispatcher
from daemon.context import SourceContext
from daemon.jobs.postponement import list_delayed_tasks
from daemon.once import run_once
from daemon.runner import DaemonRunner
from daemon.service.tasks import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    RetrySchedule,
    TaskKey,
    TaskKind,
    cause_of,
    pause_after,
)
from daemon.sync.poller import Poller
from db import jobs, posts, source_state
from db.models import Job
from tests.daemon.house import House, house

_ONE = TaskKey(TaskKind.UPLOAD, "default", 1)


def test_the_pause_doubles_from_five_seconds_to_half_an_hour() -> None:
    seconds = [pause_after(n, 0.0).total_seconds() for n in range(1, 12)]
    assert seconds[:5] == [5, 10, 20, 40, 80]
    assert seconds[-1] == 1800
    assert pause_after(1, 1.0) == timedelta(seconds=4)


@given(failures=st.integers(0, 10**6), chance=st.floats(0, 1))
def test_a_pause_is_never_longer_than_half_an_hour_nor_nothing(
    failures: int, chance: float
) -> None:
    pause = pause_after(failures, chance)
    assert FIRST_PAUSE * 0.8 <= pause <= LONGEST_PAUSE


def test_the_same_cause_is_counted_whatever_its_identifiers() -> None:
    delays = RetrySchedule()
    first = "File upload 3d3c0b2a-1b2c-4d5e-8f90-0123456789ab is `expired`"
    second = "File upload 00000000-1b2c-4d5e-8f90-0123456789ab is `expired`"
    assert cause_of(first) == cause_of(second)
    delays.add_failure(_ONE, first, 0.0, 0.0, away=False)
    assert delays.add_failure(_ONE, second, 5.0, 0.0, away=False).same == 2
    other = delays.add_failure(_ONE, "something else", 15.0, 0.0, away=False)
    assert (other.failures, other.same, other.until) == (3, 1, 35.0)


def test_what_waited_for_notion_is_tried_when_it_answers_and_nothing_else() -> None:
    delays = RetrySchedule()
    refused = TaskKey(TaskKind.UNTICK, "default", 2)
    elsewhere = TaskKey(TaskKind.UPLOAD, "club", 3)
    delays.add_failure(_ONE, "away", 0.0, 0.0, away=True)
    delays.add_failure(elsewhere, "away", 0.0, 0.0, away=True)
    delays.add_failure(refused, "no", 0.0, 0.0, away=False)
    assert delays.release_after_outage("default")
    assert not delays.is_delayed(_ONE, 1.0)
    assert delays.is_delayed(elsewhere, 1.0)
    assert delays.is_delayed(refused, 1.0)


async def _upload_breaks(_source: SourceContext, _job: Job) -> None:
    raise ZeroDivisionError("nobody thought of this")


async def test_a_step_that_breaks_is_tried_again_with_pauses_and_said_once(
    home: House,
) -> None:
    home.dispatcher.notion_worker.uploading.step = _upload_breaks
    home.add()
    for _ in range(60):
        await home.live(10)
    broke = [line for line in home.said if line.startswith("job.crashed")]
    assert len(broke) == 1
    assert "uploading the image failed: an unexpected error" in broke[0]
    (delay,) = home.source.app.retry_schedule.of_tasks(TaskKind.UPLOAD)
    assert 6 <= delay.failures <= 9
    history = await home.history(1)
    assert [event.event for event in history].count("delayed") == 1
    assert home.hub.painted == 1


async def test_a_health_check_that_breaks_is_asked_again_with_pauses(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def breaks(_source: SourceContext, name: str) -> None:
        asked.append(name)
        raise ZeroDivisionError

    monkeypatch.setattr(dispatcher, "check_health", breaks)
    for _ in range(50):
        home.dispatcher._health_check("flux")
        await home.work()
        home.clock.move(seconds=1)
    assert 4 <= len(asked) <= 5
    assert len([line for line in home.said if line.startswith("job.crashed")]) == 1


async def test_an_upload_that_is_not_uploaded_waits_and_is_sent_again(
    home: House,
) -> None:
    pending = {"object": "file_upload", "id": "1" * 32, "status": "pending"}
    home.space.inject_fault("/send", status=200, body=pending)
    page = home.add()
    await home.live()
    (line,) = [line for line in home.said if line.startswith("job.delayed")]
    assert "'A post': uploading the image failed" in line
    await home.live(10)
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1
    events = [event.event for event in await home.history(1)]
    assert events[-2:] == ["delayed", "uploaded"]


async def test_bytes_refused_three_times_in_the_same_words_end_the_job(
    home: House,
) -> None:
    home.space.inject_fault("/send", times=None, status=400)
    page = home.add()
    await home.live()
    for _ in range(4):
        await home.live(10)
    (job,) = await home.jobs()
    assert job.state == "failed"
    assert "body failed validation" in job.outcome
    cells = home.read(page)
    assert cells["Image status"] == "Failed"
    assert "Notion did not accept it" in cells["Image note"]
    sent = [
        request for request in home.space.requests if request.path.endswith("/send")
    ]
    assert len(sent) == 3
    assert len(list(home.source.app.image_folder.glob("*.png"))) == 1


async def test_a_page_is_told_that_its_upload_waits_and_forgets_it_in_the_end(
    home: House,
) -> None:
    home.space.inject_fault("POST /v1/file_uploads", times=4, status=403)
    page = home.add()
    await home.live()
    for _ in range(3):
        await home.live(12)
    cells = home.read(page)
    assert cells["Image status"] == "Waiting"
    assert "Notion did not accept it (Notion denies access" in cells["Image note"]
    for _ in range(4):
        await home.live(30)
    cells = home.read(page)
    assert (cells["Image status"], cells["Image note"]) == ("Done", "")


async def test_one_page_that_cannot_be_read_does_not_end_a_sweep(home: House) -> None:
    refused, gone = home.add("Refused"), home.add("Gone")
    await home.live()
    for page in (refused, gone):
        home.space.trash_page(page)
    home.space.inject_fault(f"GET /v1/pages/{refused}", times=None, status=403)
    home.clock.move(days=1, minutes=1)
    await home.poll()
    await home.sweep()
    async with home.source.app.db.read_transaction() as tx:
        posts_by_page = await posts.get_many(tx, "default", [refused, gone])
        state = await source_state.load_source_state(tx, "default")
    assert not posts_by_page[refused].removed
    assert posts_by_page[gone].removed
    assert state is not None
    assert state.last_sweep_at is not None
    assert home.source.app.now() - state.last_sweep_at < timedelta(hours=1)
    assert not home.warned


async def test_an_outage_is_one_of_the_source_and_its_jobs_go_on_after_it(
    home: House,
) -> None:
    page = home.add()
    await home.poll()
    home.space.inject_fault("/v1/", times=None, status=503)
    await home.work()
    for _ in range(30):
        await home.live(60)
    assert home.source.notion_backoff.why
    asked = len(home.space.requests)
    home.space.faults.lasting.clear()
    home.clock.move(minutes=5)
    await home.poll()
    await home.work()
    home.clock.move(minutes=2)
    await home.work()
    assert home.read(page)["Image status"] == "Done"
    assert asked < 120
    assert len([line for line in home.warned if line.startswith("poll.failed")]) == 1


async def test_once_says_what_it_did_not_wait_for(tmp_path: Path) -> None:
    async def nobody(_held: int) -> bool:
        return False

    toml = '[posts]\nwait_after_edit = "0s"\n'
    async with house(tmp_path, toml=toml) as home:
        home.space.inject_fault("POST /v1/file_uploads", times=None, status=403)
        home.add()
        home.clock.move(minutes=10)
        came = await run_once(home.sources, home.watchers, home.company, nobody)
    assert came.notion.startswith("uploading the image failed: Notion denies access")


async def test_a_poll_that_breaks_is_tried_again_with_pauses(home: House) -> None:
    class Broken:
        def __init__(self, source: SourceContext) -> None:
            self.source, self.asked, self.listed = source, 0, 0

        async def poll(self) -> None:
            self.asked += 1
            raise ZeroDivisionError

    broken = Broken(home.source)
    every = timedelta(seconds=10)
    daemon = DaemonRunner(
        home.sources, home.watchers, home.company, every, home.clock.time
    )
    for _ in range(50):
        await daemon._poll_source(cast("Poller", broken))
        home.clock.move(seconds=1)
    assert 4 <= broken.asked <= 5
    (line,) = [line for line in home.said if line.startswith("job.crashed")]
    assert "polling Notion failed" in line


async def test_status_names_what_waits_and_the_history_what_goes_on(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    home.space.inject_fault(f"PATCH /v1/pages/{page}", times=2, status=403)
    await home.live(1)
    (one,) = await list_delayed_tasks(home.source.app)
    assert (one["job_id"], one["task"]) == (2, "clearing the Regenerate box")
    assert str(one["why"]).startswith("Notion denies access")
    async with home.source.app.db.read_transaction() as tx:
        job = (await home.jobs())[-1]
        assert "clearing the Regenerate box failed" in await jobs.newest_delay(tx, job)
    for _ in range(3):
        await home.live(10)
    assert await list_delayed_tasks(home.source.app) == []
    assert home.read(page)["Regenerate"] is False
    async with home.source.app.db.read_transaction() as tx:
        assert await jobs.newest_delay(tx, (await home.jobs())[-1]) == ""

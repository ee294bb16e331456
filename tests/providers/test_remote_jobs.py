"""Services with a job id: what is begun there is waited for, found again, or ended."""

from __future__ import annotations

import asyncio

import pytest

from providers import build_provider, runner
from providers.cancellation import JobCancelled, ShuttingDown
from providers.outcomes import RemoteJobLostError, TimedOutError
from tests.providers.desk import WITH_JOBS, Desk
from tests.providers.fakes import Fake, settings_for


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_the_id_is_committed_before_it_is_waited_for(desk: Desk) -> None:
    seen: list[str] = []

    async def save_remote_id(remote: str) -> None:
        # Nothing was painted yet, and nobody has looked; a file's address follows.
        assert desk.fake.painted == len(seen)
        seen.append(remote)

    desk.save_remote_id = save_remote_id  # type: ignore[method-assign]  # on this one desk
    await desk.run()
    assert seen[0] == desk.fake.remote_id("job-0")
    assert all(desk.fake.url in address for address in seen[1:])


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_after_a_restart_the_same_job_is_waited_for(desk: Desk) -> None:
    desk.fake.looks = 3

    async def stop(seconds: float) -> None:
        desk.seconds += seconds
        desk.cancellation.stopping.set()
        await asyncio.sleep(0)

    desk.sleep = stop  # type: ignore[method-assign]  # on this one desk
    with pytest.raises(ShuttingDown):
        await desk.run()
    assert desk.fake.cancelled == []
    again = Desk(
        desk.kind, desk.fake, build_provider(settings_for(desk.kind, desk.fake))
    )
    again.remote_ids = desk.remote_ids
    image = await again.resume(left=60)

    assert image.data
    assert desk.fake.painted == len(desk.fake.orders) == 1


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_a_late_job_is_asked_once_before_any_deadline(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that streams its result is given as long as any request.
    monkeypatch.setattr(runner, "_CALL_SECONDS", 2.0)
    desk.remote_ids.append(desk.fake.remote_id(_begun(desk.fake)))
    desk.fake.jobs["job-0"]["looks"] = 0
    image = await desk.resume(left=-3600)
    assert image.data

    desk.remote_ids.append(desk.fake.remote_id(_begun(desk.fake)))
    desk.fake.jobs["job-1"]["looks"] = 10**6
    with pytest.raises(TimedOutError):
        await desk.resume(left=-3600)
    assert desk.fake.cancelled == ["job-1"]


def _begun(fake: Fake) -> str:
    return fake.begin(prompt="Bread", seed=1, width=512, height=512)


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_a_job_nobody_wants_any_more_is_cancelled_there(desk: Desk) -> None:
    desk.fake.looks = 10**6

    async def withdraw(seconds: float) -> None:
        desk.seconds += seconds
        desk.cancellation.withdrawn.set()
        await asyncio.sleep(0)

    desk.sleep = withdraw  # type: ignore[method-assign]  # on this one desk
    with pytest.raises(JobCancelled):
        await desk.run()
    assert desk.fake.cancelled == ["job-0"]


@pytest.mark.parametrize("kind", WITH_JOBS)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 410])
async def test_a_job_that_cannot_be_found_is_lost_and_moves_no_breaker(
    desk: Desk, status: int
) -> None:
    desk.fake.fail_look(status, {"error": "no such job"})
    with pytest.raises(RemoteJobLostError) as caught:
        await desk.run()
    assert not caught.value.moves_breaker


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_a_service_that_stumbles_meanwhile_is_asked_again(desk: Desk) -> None:
    for status in (500, 502, 503, 429, 500, 500, 500):
        desk.fake.fail_look(status, {"error": "one moment"})
    image = await desk.run()

    assert image.data
    assert desk.fake.painted == 1


@pytest.mark.parametrize("kind", WITH_JOBS)
async def test_a_finished_file_that_is_gone_is_lost(desk: Desk) -> None:
    desk.fake.keep = lambda data: f"{desk.fake.url}/files/nowhere.png"  # type: ignore[method-assign]  # noqa: ARG005 - its name counts
    with pytest.raises(RemoteJobLostError) as caught:
        await desk.run()
    assert not caught.value.moves_breaker

"""A stop under a service manager ends before that one kills the daemon."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from daemon.supervisor import STOP_PATIENCE, Supervisor
from tests.daemon.house import house
from tests.daemon.test_watchdog import watched

_ROOT = Path(__file__).resolve().parents[2]
_STOPPED_BY = (
    "systemd/postbrush.service",
    "daemon/cli/user_service.py",
    "compose.yaml",
)
_PATIENCE = 20.0


async def test_a_stop_aborts_what_would_outlast_it_and_the_next_start_goes_on(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as watch:
        home, at_the_service = watch.home, asyncio.Event()

        async def never(_seconds: float) -> None:
            at_the_service.set()
            await asyncio.Event().wait()

        home.hub.sleep = never
        page = home.add()
        await watch.poll()
        home.clock.move(seconds=130)
        await watch.poll()
        await watch.hands.calls["due"]()
        await asyncio.wait_for(at_the_service.wait(), _PATIENCE)
        supervisor = Supervisor(home.settings, lambda: home.settings)
        supervisor.systemd, supervisor._daemon = watch.daemon.systemd, watch.daemon
        supervisor.stop()
        assert watch.hands.times["abort"] == home.clock.now() + STOP_PATIENCE
        assert not watch.running.done()
        await watch.hands.calls["abort"]()
        await asyncio.wait_for(watch.running, _PATIENCE)
        assert [call.outcome for call in await home.calls()] == ["unknown"]
        home.hub.sleep = home.clock.sleep
        home.source.app.signals.stopping.clear()
        await home.company.recover_work()
        await home.live()
        assert [call.outcome for call in await home.calls()] == ["unknown", "image"]
        assert home.read(page)["Image status"] == "Done"


async def test_a_task_that_is_cancelled_before_it_begins_leaves_the_pool(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        home.add()
        await home.live()
        (job,) = await home.jobs()
        pool = home.dispatcher.generating
        pool.start(job)
        task = pool.tasks[job.id]
        pool.cancel_source(job.source)
        await asyncio.wait({task})
        assert task.cancelled()
        # `drain` waits for all that are in it.
        assert not pool.tasks


def test_it_ends_before_systemd_and_docker_kill_it() -> None:
    texts = [(_ROOT / name).read_text() for name in _STOPPED_BY]
    pattern = r"(?m)^\s*(?:TimeoutStopSec=|stop_grace_period: )(\d+)s?$"
    found = [int(seconds) for text in texts for seconds in re.findall(pattern, text)]
    assert found == [int(STOP_PATIENCE.total_seconds()) + 10] * len(_STOPPED_BY)

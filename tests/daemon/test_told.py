"""What the daemon says so that people can be told: money, resets, outages."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from daemon import notifications
from daemon.jobs import actions
from daemon.pretend.server import FakeServer
from daemon.runner import DaemonRunner
from tests.cluster import stored
from tests.daemon.house import House, MovingClock, house, place_of
from tests.daemon.service.post import KEY, Post, post

#: Six square images of $0.01 each, nothing included.
BUDGET = """\
chain = ["flux", "freeapi"]
[budget]
month = 0.06
[providers.flux]
price = 0.01
included = 0.0
"""


def said(home: House, *events: str) -> list[str]:
    return [line for line in home.said if line.split(" ", 1)[0] in events]


def daemon_of(home: House) -> DaemonRunner:
    return DaemonRunner(
        sources=home.sources,
        pollers=home.watchers,
        membership=home.company,
        poll_interval=home.settings.options.notion.poll_interval,
        started_at=home.source.app.now(),
    )


async def _illustrate(home: House, count: int) -> None:
    for number in range(count):
        home.add(f"Post {number} of {home.clock.passed}", "Bread for everyone.")
        await home.live()


async def test_a_budget_is_spoken_of_at_four_fifths_and_when_it_is_used_up(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=BUDGET) as home:
        await home.begin()
        await _illustrate(home, 4)
        assert said(home, "budget.near", "budget.reached") == []
        await _illustrate(home, 1)
        (near,) = said(home, "budget.near", "budget.reached")
        assert near == (
            "budget.near $0.05 of the $0.06 for the month have been spent. The budget "
            "renews on 1 Dec 00:00"
        )
        await _illustrate(home, 2)
        (reached,) = said(home, "budget.reached")
        assert reached == (
            "budget.reached $0.06 of the $0.06 for the month have been spent. flux can "
            "be used again on 1 Dec 00:00"
        )
        town, clock = home.town, home.clock
        await home.die()
        # A restart in the same month says neither again.
        async with house(tmp_path, toml=BUDGET, town=town, clock=clock) as again:
            await again.begin()
            await _illustrate(again, 2)
            assert said(again, "budget.near", "budget.reached") == []
            again.clock.move(days=10)
            await _illustrate(again, 6)
            assert len(said(again, "budget.near")) == 1
            assert len(said(again, "budget.reached")) == 1


async def test_a_service_that_a_command_resets_is_said_to_serve_once(
    home: House,
) -> None:
    home.hub.credits = 0
    home.add()
    await home.live()
    daemon = daemon_of(home)
    await daemon.handle_command("wake")
    assert said(home, "breaker.closed") == []
    async with home.source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, "flux", home.source.app.now())
    for _ in range(2):
        await daemon.handle_command("wake")
    assert said(home, "breaker.closed") == [
        "breaker.closed flux: reset and available again"
    ]


async def test_a_whole_outage_is_told_and_its_end_with_nothing_secret(
    tmp_path: Path,
) -> None:
    async with post() as box, _told(tmp_path, box) as home:
        daemon = daemon_of(home)
        await home.begin()
        async with notifications.run_notifications(home.settings, daemon):
            home.hub.credits = 0
            home.add()
            await home.live()
            titles = await box.arrived(1)
            assert titles == ["postbrush: Hugging Face FLUX is out of credits"]
        town, clock = home.town, home.clock
        await home.die()
        # Another start knows what was told before.
        async with _told(tmp_path, box, town, clock) as again:
            async with notifications.run_notifications(
                again.settings, daemon_of(again)
            ):
                await again.begin()
                async with again.source.app.db.write_transaction() as tx:
                    await actions.reset_breaker(tx, "flux", again.source.app.now())
                await daemon_of(again).handle_command("wake")
                titles = await box.arrived(2)
            assert titles[1:] == ["postbrush: Hugging Face FLUX is available again"]
            assert KEY not in "\n".join([*home.said, *again.said])
            assert KEY not in repr(again.settings)
        assert KEY not in stored(place_of(tmp_path))


def _told(
    folder: Path,
    box: Post,
    town: FakeServer | None = None,
    clock: MovingClock | None = None,
) -> AbstractAsyncContextManager[House]:
    toml = f'[notify]\nurls = ["{box.url}"]\nping = "{box.ping}"\n'
    return house(folder, toml=toml, town=town, clock=clock)


async def test_all_is_well_until_notion_or_the_disk_is_away(home: House) -> None:
    daemon = daemon_of(home)
    assert await notifications.is_daemon_well(daemon)
    home.clock.move(minutes=11)
    assert not await notifications.is_daemon_well(daemon)
    await home.poll()
    assert await notifications.is_daemon_well(daemon)
    home.source.app.image_folder.rename(
        home.source.app.image_folder.with_name("elsewhere")
    )
    assert not await notifications.is_daemon_well(daemon)

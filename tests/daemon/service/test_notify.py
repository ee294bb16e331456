"""Notifications through the real Apprise, over HTTP, to a service of our own."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from pydantic import SecretStr
from structlog.stdlib import BoundLogger

from daemon.config.addresses import NotifierAddress
from daemon.service import log
from daemon.service.notify import Notifier
from daemon.service.ping import Ping, fetch_address, is_polling_well
from tests.daemon.service.post import KEY, post

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
#: Nobody listens on this port.
NOWHERE = f"json://127.0.0.1:9/{KEY}"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@dataclass(slots=True)
class Scene:
    """A log, a notifier that taps it, and a clock."""

    logger: BoundLogger
    out: io.StringIO
    notifier: Notifier
    time: datetime = NOW

    def said(self, event: str) -> list[str]:
        lines = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [line["message"] for line in lines if line["event"] == event]

    async def says(self, event: str) -> None:
        """Wait for something to be said; the log has no bell, so look again."""
        async with asyncio.timeout(30):
            while not self.said(event):
                await asyncio.to_thread(lambda: None)

    def fail(self, name: str) -> None:
        """Lead to one message."""
        self.logger.warning(
            "breaker.opened", summary=f"{name} rests", provider=name, reason="credits"
        )


@asynccontextmanager
async def scene(*urls: str, level: str = "info") -> AsyncIterator[Scene]:
    out = io.StringIO()
    logger = log.configure(level, "json", environ={}, stream=out)
    notifier = Notifier(
        addresses=[
            NotifierAddress(
                place=f"notify.urls no. {number} (json)", url=SecretStr(url)
            )
            for number, url in enumerate(urls, 1)
        ],
        now=lambda: made.time,
        log=logger,
    )
    made = Scene(logger, out, notifier)
    with log.listen_to_log(notifier.handle_line):
        notifier.start()
        try:
            yield made
        finally:
            await notifier.close()
    assert KEY not in out.getvalue()
    assert KEY not in repr(notifier)


async def test_a_message_arrives_with_title_words_and_weight() -> None:
    async with post() as box, scene(box.url, level="error") as here:
        here.fail("flux")
        # `level = "error"` is about what is written, not about who is told.
        here.logger.info("breaker.closed", summary="flux: serving", provider="flux")
        await box.arrived(2)
    assert [
        (message["title"], message["message"], message["type"]) for message in box.got
    ] == [
        ("postbrush: flux is out of credits", "flux rests", "warning"),
        ("postbrush: flux is available again", "flux: serving", "success"),
    ]
    assert not here.out.getvalue()


async def test_a_broken_notifier_is_one_warning_and_tells_nobody_of_itself() -> None:
    async with post() as box, scene(box.url, NOWHERE) as here:
        for name in ("flux", "fal", "openai"):
            here.fail(name)
        await box.arrived(3)
    (said,) = here.said("notify.failed")
    assert said.startswith("notify.failed notify.urls no. 2 (json) did not accept")
    assert len(box.got) == 3


async def test_what_nobody_took_waits_and_is_told_when_it_works_again() -> None:
    async with post() as box, scene(box.url) as here:
        box.status = 500
        here.fail("flux")
        await here.says("notify.failed")
        box.got.clear()
        box.status = 200
        here.time += timedelta(minutes=90)
        await here.notifier.send_due()
        assert await box.arrived(1) == ["postbrush: flux is out of credits"]
        await here.says("notify.recovered")
    assert "after 90 min" in here.said("notify.recovered")[0]
    assert len(here.said("notify.failed")) == 1


async def test_too_many_messages_make_room_for_newer_ones_and_are_counted() -> None:
    async with post() as box, scene(box.url) as here:
        box.status = 500
        for number in range(25):
            here.fail(f"service{number}")
        await here.says("notify.failed")
        box.got.clear()
        box.status = 200
        await here.notifier.send_due()
        titles = await box.arrived(20)
        await here.says("notify.lost")
    assert titles[0] == "postbrush: service5 is out of credits"
    assert "5 older notifications" in here.said("notify.lost")[0]


async def test_a_wrong_address_is_named_by_its_place_at_once() -> None:
    async with scene("json://127.0.0.1:1/x", f"nonsense://{KEY}") as here:
        await here.says("notify.failed")
    (said,) = here.said("notify.failed")
    assert "urls no. 2 (json) is not an address that Apprise knows" in said


async def test_one_that_never_answers_holds_nothing_up() -> None:
    async with post() as box, scene(box.url) as here:
        box.hold.clear()
        here.notifier.seconds = 0.05
        here.fail("flux")
        await here.says("notify.failed")
        for number in range(5):
            here.fail(f"service{number}")
            await here.notifier.send_due()
        before = asyncio.get_running_loop().time()
        await here.notifier.close()
        assert asyncio.get_running_loop().time() - before < 6
    assert "TimeoutError" in here.said("notify.failed")[0]


async def test_a_message_under_way_is_not_waited_for_at_the_end() -> None:
    async with post() as box, scene(box.url) as here:
        box.hold.clear()
        here.fail("flux")
        await box.reached()
        here.notifier.patience = 0.05
        async with asyncio.timeout(10):
            await here.notifier.close()
        assert not box.got


async def test_what_is_said_last_is_still_told_before_the_end() -> None:
    async with post() as box:
        async with scene(box.url) as here:
            here.fail("flux")
        assert len(box.got) == 1


def test_all_is_well_while_polls_are_answered() -> None:
    second = timedelta(seconds=1)

    def well(age: int, *, away: bool) -> bool:
        looked_at = NOW - age * second
        return is_polling_well(looked_at, away=away, now=NOW, interval=10 * second)

    # (how long ago, answered, answered until one that failed)
    for age, fine, failing in (
        (0, True, True),
        (30, True, True),
        (31, True, False),
        (600, True, False),
        (601, False, False),
    ):
        assert (well(age, away=False), well(age, away=True)) == (fine, failing), age
    assert not is_polling_well(None, away=False, now=NOW, interval=10 * second)


@dataclass(slots=True)
class Well:
    well: bool = True

    async def __call__(self) -> bool:
        return self.well


async def test_the_ping_is_fetched_while_all_is_well_and_fails_once() -> None:
    out = io.StringIO()
    logger, well = log.configure("info", "json", environ={}, stream=out), Well()
    async with post() as box:
        ping = Ping(address=SecretStr(box.ping), well=well, now=lambda: NOW, log=logger)
        await ping.send_if_well()
        well.well = False
        await ping.send_if_well()
        assert box.pings == [f"/ping/{KEY}"]
        well.well = True
        for box.status in (500, 404, 200, 200):
            await ping.send_if_well()
    messages = [json.loads(line)["message"] for line in out.getvalue().splitlines()]
    assert messages == [
        "ping.failed 127.0.0.1: HTTP 500",
        "ping.recovered 127.0.0.1 responds again after 0 min",
    ]
    assert KEY not in out.getvalue() + repr(ping)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
async def test_no_redirect_leads_the_ping_away_from_the_web(target: str) -> None:
    async with post() as box:
        box.status, box.location = 302, target
        assert await fetch_address(SecretStr(box.ping)) in {
            "HTTP 302",
            "redirects to an address that is not http or https",
        }


async def test_a_ping_that_nobody_answers_says_so_without_its_address() -> None:
    for address in ("http://127.0.0.1:9/x-secret", "http://127.0.0.1:port/x-secret"):
        why = await fetch_address(SecretStr(address))
        assert why
        assert "secret" not in why

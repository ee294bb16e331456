"""What every kind of service must do, tried over HTTP; a new kind gets it for free."""

from __future__ import annotations

import ast
import asyncio
import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

import providers
from providers import KINDS, build_provider
from providers.base import GeneratedImage
from providers.outcomes import (
    BadRequestError,
    InvalidImageError,
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    ProviderError,
    RateLimitedError,
    RegionBlockedError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from tests.providers.desk import ALL, NOW, ORDER, Desk
from tests.providers.fakes import FAKES, settings_for
from tests.providers.fakes.base import Answer

REGION = "unsupported_country_region_territory"


def test_every_kind_has_a_fake_and_every_file_of_one_is_registered() -> None:
    assert set(FAKES) == set(KINDS) - {"freeapi"}
    made = {Path(inspect.getfile(kind.build)).name for kind in KINDS.values()}
    folder = Path(providers.__file__).parent
    bases = {"Provider", "JobProvider", "HuggingFaceAccount"}
    written = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in bases for base in node.bases)
    }
    shared = {"provider.py", "job_provider.py", "account.py"}
    assert made == written - shared


@pytest.mark.parametrize("kind", ALL)
async def test_it_makes_an_image_and_is_paid_once(desk: Desk) -> None:
    image = await desk.run()

    assert image.data
    assert desk.fake.painted == len(desk.fake.orders) == 1
    # Where the file is kept, nobody may see the key.
    assert desk.fake.strangers == []


@pytest.mark.parametrize("kind", ALL)
async def test_what_it_cannot_honour_is_said(desk: Desk) -> None:
    size = desk.provider.supported_size(ORDER)
    dropped = desk.provider.dropped_options(ORDER)

    assert all(dropped)
    if (size.width, size.height) != (ORDER.width, ORDER.height):
        assert any("size" in one for one in dropped)
    sent = str(await _sent(desk))
    seeded = str(ORDER.seed) in sent
    assert seeded != any("seed" in one for one in dropped)


async def _sent(desk: Desk) -> object:
    await desk.run()
    return desk.fake.orders[-1]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (402, {"error": "no credit"}, OutOfCreditsError),
        (401, {"error": "who?"}, UnauthorizedError),
        (429, {"error": "slow down"}, RateLimitedError),
        (500, {"error": "oops"}, UnavailableError),
        (502, None, UnavailableError),
        (503, {"error": "Model x is currently loading"}, ModelLoadingError),
        (504, None, TimedOutError),
        (404, {"error": "not here"}, NotFoundError),
        (410, {"error": "gone"}, NotFoundError),
        (422, {"error": "width is odd"}, BadRequestError),
        (451, {"error": "not here"}, RegionBlockedError),
        # It may have painted what cannot be read: that is charged.
        (200, {}, InvalidImageError),
        (200, [], InvalidImageError),
        (200, None, InvalidImageError),
        (200, "text", InvalidImageError),
        (200, {"error": "something"}, UnavailableError),
        # Words before status.
        (200, {"error": "Insufficient credits"}, OutOfCreditsError),
        (400, {"error": "Insufficient credits"}, OutOfCreditsError),
        (
            401,
            {"error": {"message": "Your balance is insufficient"}},
            OutOfCreditsError,
        ),
        (429, {"error": {"code": "insufficient_quota"}}, OutOfCreditsError),
        (500, {"error": "no credits left"}, OutOfCreditsError),
        (402, {"error": "Queue full for IP: 1 requests queued"}, RateLimitedError),
        (400, {"error": {"code": REGION, "message": "No"}}, RegionBlockedError),
        (403, {"cloudflare_error": True, "error_code": 1010}, UnavailableError),
        (403, {"title": "Error 1020: Access denied", "status": 403}, UnavailableError),
    ],
)
async def test_each_status_means_the_same_everywhere(
    desk: Desk, status: int, body: object, means: type[ProviderError]
) -> None:
    desk.fake.fail(status, body)
    # Together is asked in another way when it does not like the size.
    desk.fake.fail(status, body)
    with pytest.raises(means) as caught:
        await desk.run()

    assert desk.fake.painted == 0
    assert caught.value.status in {status, None}
    assert caught.value.moves_breaker


@pytest.mark.parametrize("kind", ALL)
async def test_how_long_to_wait_is_heard(desk: Desk) -> None:
    desk.fake.fail(429, {"detail": "slow down"}, Retry_After="7")
    with pytest.raises(RateLimitedError) as caught:
        await desk.run()
    assert caught.value.seconds == 7
    desk.fake.fail(503, {"error": "model_loading", "estimated_time": 12.5})
    with pytest.raises(ModelLoadingError) as loading:
        await desk.run()
    assert loading.value.seconds == 12.5


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("status", "means"),
    [
        (200, InvalidImageError),
        (403, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_web_page_is_nobodys_answer(
    desk: Desk, status: int, means: type[ProviderError]
) -> None:
    page = "<!DOCTYPE html><html><body>Attention required</body></html>"
    desk.fake.answers.append(
        lambda: web.Response(text=page, status=status, content_type="text/html")
    )
    with pytest.raises(means) as caught:
        await desk.run()
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("kind", ALL)
async def test_a_wrong_token_is_refused_and_never_repeated(desk: Desk) -> None:
    token = "wrong_" + "w" * 30
    settings = replace(settings_for(desk.kind, desk.fake), token=token)
    desk.provider = build_provider(settings)
    with pytest.raises(UnauthorizedError):
        await desk.run()
    assert token not in repr(desk.provider) + repr(settings)
    assert token not in repr(desk.provider.start(ORDER, NOW))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
async def test_an_error_that_repeats_the_key_is_read_without_it(
    desk: Desk, status: int
) -> None:
    key = settings_for(desk.kind, desk.fake).token or ""
    sent = {word for word in str(_headers(desk)).split("'") if len(word) > 12}
    words = f"Invalid key {key} {sent}"
    for _ in range(2):
        desk.fake.fail(status, {"error": words, "message": words})
    with pytest.raises(ProviderError) as caught:
        await desk.run()
    if desk.kind != "a1111":  # its password is sent encoded
        assert key not in str(caught.value)
    assert key not in repr(caught.value.__cause__)


def _headers(desk: Desk) -> dict[str, str]:
    call = desk.provider.start(ORDER, NOW)
    assert not isinstance(call, GeneratedImage)
    return dict(call.headers)


@pytest.mark.parametrize("kind", ALL)
async def test_an_answer_without_end_is_cut_off(desk: Desk) -> None:
    body = bytes(36 * 2**20)
    desk.fake.answers.append(lambda: web.Response(body=body))
    with pytest.raises(InvalidImageError):
        await desk.run()


@pytest.mark.parametrize("kind", ALL)
async def test_an_image_that_does_not_come_in_time_is_given_up(kind: str) -> None:
    async with FAKES[kind]().serving() as fake:
        fake.looks = 10**6
        settings = replace(settings_for(kind, fake), timeout=0.25)
        desk = Desk(kind, fake, build_provider(settings))
        if not fake.has_jobs:
            fake.answers.append(_never())
        with pytest.raises(TimedOutError):
            await desk.run()
        # A remote job nobody waits for is cancelled.
        assert [fake.remote_id(name) for name in fake.cancelled] == desk.remote_ids


def _never() -> Answer:
    class Drip(web.Response):
        async def prepare(self, request: web.BaseRequest) -> None:
            del request
            await asyncio.Event().wait()

    return Drip


@pytest.mark.parametrize("kind", ALL)
async def test_what_costs_nothing_shows_whether_the_token_is_good(desk: Desk) -> None:
    call = desk.provider.token_check_call()
    if call is None:
        assert desk.kind in {"fal", "nvidia"}
        return
    async with desk.open_runner() as runner:
        desk.provider.raise_for_error(
            await runner.send_once(call, desk.provider.traits)
        )
        wrong = build_provider(
            replace(settings_for(desk.kind, desk.fake), token="x" * 20)
        )
        refused = wrong.token_check_call()
        assert refused is not None
        with pytest.raises(UnauthorizedError):
            wrong.raise_for_error(await runner.send_once(refused, wrong.traits))
    assert desk.fake.painted == 0


@pytest.mark.parametrize("kind", ["localai", "a1111"])
async def test_your_own_server_is_greeted_without_work(desk: Desk) -> None:
    call = desk.provider.health_check_call()
    assert call is not None
    async with desk.open_runner() as runner:
        desk.provider.raise_for_error(
            await runner.send_once(call, desk.provider.traits)
        )
    assert desk.fake.painted == 0
    assert desk.provider.traits.timeout == 600
    assert desk.provider.traits.concurrency == 1
    assert desk.provider.traits.price(1.0) == 0

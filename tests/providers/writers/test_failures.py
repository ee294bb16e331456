"""How calls of a prompt writer fail, and what a failure costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from daemon.pretend.chat import completion
from providers.outcomes import (
    BadRequestError,
    ConnectionLostError,
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    RegionBlockedError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from providers.writers import KINDS
from providers.writers.base import InvalidTextError
from tests.providers.fakes.base import json_of
from tests.providers.writers.desk import ANSWER, TASK, WriterDesk

ALL = sorted(KINDS)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (402, {"error": "no credit"}, OutOfCreditsError),
        (401, {"error": "Invalid access token"}, UnauthorizedError),
        (429, {"error": "slow down"}, RateLimitedError),
        (500, {"error": "oops"}, UnavailableError),
        (502, None, UnavailableError),
        (503, {"error": "Model x is currently loading"}, ModelLoadingError),
        (504, None, TimedOutError),
        (404, {"error": "not here"}, NotFoundError),
        (410, {"error": "gone"}, NotFoundError),
        (422, {"error": "messages: too long"}, BadRequestError),
        (400, {"error": "flagged by our moderation"}, PromptRefusedError),
        (451, {"error": "not here"}, RegionBlockedError),
        # It may have written what cannot be read: that is charged.
        (200, {}, InvalidTextError),
        (200, [], InvalidTextError),
        (200, None, InvalidTextError),
        (200, {"choices": []}, InvalidTextError),
        (200, {"choices": [{"message": None}]}, InvalidTextError),
        (200, {"error": "something"}, UnavailableError),
        (200, {"error": "Insufficient credits"}, OutOfCreditsError),
        (429, {"error": {"code": "insufficient_quota"}}, OutOfCreditsError),
    ],
)
async def test_each_status_means_the_same_everywhere(
    desk: WriterDesk, status: int, body: object, means: type[ProviderError]
) -> None:
    # Another route or fewer parameters may be tried after it.
    for _ in range(6):
        desk.fake.fail(status, body)
    with pytest.raises(means) as caught:
        await desk.write()

    assert type(caught.value) is means or means is NotFoundError
    assert caught.value.status == status
    is_charged = means in {InvalidTextError, TimedOutError}
    expected = desk.writer.reserved_price(TASK) if is_charged else 0.0
    assert caught.value.price == pytest.approx(expected)


@pytest.mark.parametrize("kind", ALL)
async def test_a_refusal_by_the_model_is_one(desk: WriterDesk) -> None:
    def refuse(body: Any) -> web.Response:  # noqa: ANN401 - JSON
        answer = completion(body, "")
        answer["choices"][0]["message"]["refusal"] = "I cannot help with that."
        return json_of(answer)

    desk.fake.chat.answers = [refuse]
    with pytest.raises(PromptRefusedError, match="I cannot help"):
        await desk.write()
    assert len(desk.fake.orders) == 1


@pytest.mark.parametrize("kind", ALL)
async def test_how_long_to_wait_is_heard(desk: WriterDesk) -> None:
    desk.fake.fail(429, {"detail": "slow down"}, Retry_After="7")
    with pytest.raises(RateLimitedError) as caught:
        await desk.write()
    assert caught.value.seconds == 7


@pytest.mark.parametrize("kind", ALL)
async def test_an_error_at_the_repair_costs_the_first_answer(desk: WriterDesk) -> None:
    def slow_down(_body: Any) -> web.Response:  # noqa: ANN401 - JSON
        return json_of({"error": "slow down"}, 429)

    desk.fake.chat.answers = ["no", slow_down]
    with pytest.raises(RateLimitedError) as caught:
        await desk.write()
    price = caught.value.price
    assert price is not None
    assert (price > 0) != desk.writer.traits.is_own_server


@pytest.mark.parametrize("kind", ALL)
async def test_a_slow_answer_is_given_up_and_counted(desk: WriterDesk) -> None:
    async def never(_body: Any) -> web.Response:  # noqa: ANN401 - JSON
        await asyncio.Event().wait()
        raise AssertionError

    desk.configure(timeout=0.3)
    desk.fake.chat.answers = [never]
    with pytest.raises(TimedOutError) as caught:
        await desk.write()
    assert caught.value.price == pytest.approx(desk.writer.reserved_price(TASK))


@pytest.mark.parametrize("kind", ALL)
async def test_no_answer_at_all_is_a_lost_connection(desk: WriterDesk) -> None:
    def vanish() -> web.StreamResponse:
        class Gone(web.Response):
            async def prepare(self, request: web.BaseRequest) -> None:
                assert request.transport is not None
                request.transport.close()

        return Gone()

    desk.fake.answers += [vanish, vanish]
    with pytest.raises(ConnectionLostError):
        await desk.write()


@pytest.mark.parametrize("kind", ALL)
async def test_a_server_that_is_down_costs_nothing(desk: WriterDesk) -> None:
    desk.configure(base_url="http://127.0.0.1:1")
    with pytest.raises(UnavailableError) as caught:
        await desk.write()
    assert caught.value.price == 0


@pytest.mark.parametrize("kind", ALL)
async def test_a_wrong_token_is_refused_and_never_repeated(desk: WriterDesk) -> None:
    token = "wrong_" + "w" * 30
    desk.configure(token=token)
    with pytest.raises(UnauthorizedError) as caught:
        await desk.write()
    call = desk.writer.build_call(TASK)
    assert token not in repr(desk.writer) + repr(call) + str(caught.value)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("count", [10**15, 10**400], ids=["large", "huge"])
async def test_a_count_of_tokens_beyond_belief_costs_what_was_reserved(
    desk: WriterDesk, count: int
) -> None:
    def boast(body: Any) -> web.Response:  # noqa: ANN401 - JSON
        answer = completion(body, ANSWER)
        answer["usage"] = {"prompt_tokens": count, "completion_tokens": -1}
        return json_of(answer)

    desk.fake.chat.answers = [boast]
    assert (await desk.write()).cost == desk.writer.reserved_price(TASK)

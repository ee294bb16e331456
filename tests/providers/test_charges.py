"""What a call costs: the table of `providers.charges`, and its rule searched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import KINDS
from providers.base import FollowUp, GeneratedImage, HttpCall, Response
from providers.charges import FREE, WASTED, connection_error, read_response
from providers.outcomes import Outcome, ProviderError
from tests.providers.test_rubbish import REPLIES
from tests.providers.test_spellings import PNG, first_call

#: The beginning of an image of each format.
MAGIC = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff\xe0",
    "WebP": b"RIFF\x10\0\0\0WEBP",
    "GIF": b"GIF89a",
    "AVIF": b"\0\0\0\x1cftypavif",
}


def outcome_of(call: HttpCall, reply: Response) -> Outcome | None:
    """Return how a call ended, or None if its image is still to come."""
    try:
        step = read_response(call, reply)
    except ProviderError as error:
        return error.outcome
    return Outcome.IMAGE if isinstance(step, GeneratedImage) else None


@pytest.mark.parametrize(
    ("status", "body", "outcome", "is_charged"),
    [
        (200, {"data": [{"b64_json": PNG}]}, Outcome.IMAGE, True),
        # Url-safe and unpadded, as some encoders write it
        (200, {"data": [{"b64_json": PNG.rstrip("=")}]}, Outcome.IMAGE, True),
        (200, {"data": [{"b64_json": f"data:image/png,{PNG}"}]}, Outcome.IMAGE, True),
        # Another shape, a null, a file that is none, an address that is none
        (200, {"images": []}, Outcome.INVALID_IMAGE, True),
        (200, None, Outcome.INVALID_IMAGE, True),
        (200, {"data": [{"b64_json": None}]}, Outcome.INVALID_IMAGE, True),
        (200, {"data": [{"b64_json": "%%%"}]}, Outcome.INVALID_IMAGE, True),
        (200, {"data": [{"b64_json": "aGVsbG8="}]}, Outcome.INVALID_IMAGE, True),
        (200, {"data": [{"url": 5}]}, Outcome.INVALID_IMAGE, True),
        (200, {"data": None, "error": None}, Outcome.INVALID_IMAGE, True),
        (202, {"queued": True}, Outcome.INVALID_IMAGE, True),
        (204, "", Outcome.INVALID_IMAGE, True),
        (200, "<!doctype html><p>Sign in</p>", Outcome.INVALID_IMAGE, True),
        # A refusal that can be read
        (200, {"error": "boom"}, Outcome.UNAVAILABLE, False),
        (200, {"errors": [{"message": "boom"}]}, Outcome.UNAVAILABLE, False),
        (200, {"success": False}, Outcome.UNAVAILABLE, False),
        (200, {"status": "failed"}, Outcome.UNAVAILABLE, False),
        (200, {"error": "no credits left"}, Outcome.CREDITS, False),
        (200, {"error": "flagged as nsfw"}, Outcome.REFUSED, False),
        (400, {"error": "odd"}, Outcome.BAD_REQUEST, False),
        (300, "", Outcome.UNAVAILABLE, False),
        (500, {}, Outcome.UNAVAILABLE, False),
        # Who waited has stopped; who works may not have.
        (504, {}, Outcome.TIMEOUT, True),
        (408, {}, Outcome.TIMEOUT, True),
    ],
)
def test_what_an_answer_costs(
    status: int, body: object, outcome: Outcome, *, is_charged: bool
) -> None:
    data = body if isinstance(body, str) else json.dumps(body)
    found = outcome_of(first_call("openai"), Response(status, {}, data.encode()))
    assert found is outcome
    assert (found not in FREE) == is_charged
    # What is paid for and brings nothing is one of three.
    assert (found in WASTED) == (is_charged and found is not Outcome.IMAGE)


@pytest.mark.parametrize("name", MAGIC)
def test_an_image_of_every_format_is_taken(name: str) -> None:
    reply = Response(200, {}, MAGIC[name] + bytes(40))
    assert outcome_of(first_call("cloudflare"), reply) is Outcome.IMAGE


@pytest.mark.parametrize(
    "output",
    [
        "https://replicate.delivery/a.png",
        ["https://replicate.delivery/a.png"],
        {"url": "https://replicate.delivery/a.png"},
        {"images": ["https://replicate.delivery/a.png"]},
        {"image": {"url": "https://replicate.delivery/a.png"}},
        [{"image": "https://replicate.delivery/a.png", "seed": 7}],
    ],
)
def test_every_shape_of_replicates_output_leads_to_the_file(output: object) -> None:
    body = {"id": "a", "status": "succeeded", "output": output}
    step = read_response(
        first_call("replicate"), Response(201, {}, json.dumps(body).encode())
    )
    assert isinstance(step, FollowUp)
    assert step.call.url == "https://replicate.delivery/a.png"
    assert step.remote_id == "a"


@pytest.mark.parametrize("output", [None, [], {}, {"other": 1}])
def test_a_prediction_that_succeeded_without_output_is_over(output: object) -> None:
    body = {"id": "a", "status": "succeeded", "output": output}
    reply = Response(200, {}, json.dumps(body).encode())
    # Polled again, it would say the same until the deadline.
    assert outcome_of(first_call("replicate"), reply) is Outcome.INVALID_IMAGE


@pytest.mark.parametrize(
    ("was_sent", "status", "outcome"),
    [
        (False, None, Outcome.UNAVAILABLE),
        (True, None, Outcome.CONNECTION_LOST),
        # Cut short: an image, and a refusal
        (True, 200, Outcome.CONNECTION_LOST),
        (True, 500, Outcome.UNAVAILABLE),
        (True, 402, Outcome.UNAVAILABLE),
    ],
)
def test_what_a_lost_connection_costs(
    status: int | None, outcome: Outcome, *, was_sent: bool
) -> None:
    call = first_call("openai")
    error = connection_error(call, "lost", was_sent=was_sent, status=status)
    assert error.outcome is outcome
    poll = HttpCall(method="GET", url="http://x", read=call.read, is_poll=True)
    # A poll is repeated: it is neither charged nor a verdict.
    polled = connection_error(poll, "lost", was_sent=was_sent, status=status)
    assert polled.outcome is Outcome.UNAVAILABLE


def _is_stated_refusal(reply: Response) -> bool:
    """Return True if a person would read a refusal in it (written independently)."""
    if not 200 <= reply.status < 300:
        return True
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict):
        return False
    is_failed = str(body.get("status")).casefold() in {"failed", "failure", "error"}
    return (
        bool(body.get("error") or body.get("errors"))
        or body.get("success") is False
        or is_failed
    )


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"freeapi"}))
@given(st.lists(REPLIES, min_size=1, max_size=3))
def test_any_answer_costs_its_price_or_states_a_refusal(
    kind: str, replies: list[Response]
) -> None:
    call = first_call(kind)
    for reply in replies:
        if not call.is_image_request:
            return
        outcome = outcome_of(call, reply)
        if outcome is None:
            step = read_response(call, reply)
            assert isinstance(step, FollowUp)
            call = step.call
            continue
        if outcome is Outcome.IMAGE:
            assert 200 <= reply.status < 300
        # Moderation says no in many shapes, also with the image it blackened.
        elif outcome in FREE and outcome is not Outcome.REFUSED:
            assert _is_stated_refusal(reply), (reply, outcome)
        else:
            assert outcome in FREE | WASTED
        return


def test_every_outcome_is_free_wasted_or_an_image() -> None:
    assert not FREE & WASTED
    charged = {Outcome.IMAGE, Outcome.TEXT, Outcome.BLANK}
    assert set(Outcome) - FREE - WASTED == charged

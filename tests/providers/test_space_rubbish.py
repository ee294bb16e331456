"""Whatever the Hub and a Space say ends in an image or in one of our errors."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from providers import build_provider
from providers.base import FollowUp, HttpCall, ImageRequest, Response
from providers.gradio_api import FLUX_SCHNELL, find_endpoint, read_events
from tests.providers.desk import NOW
from tests.providers.fakes import settings_for
from tests.providers.fakes.space import FakeSpace
from tests.providers.test_rubbish import REPLIES, walk

KEYS = st.sampled_from(
    [
        *("named_endpoints", "/infer", "parameters", "parameter_name", "type"),
        *("parameter_has_default", "parameter_default", "description", "returns"),
        *("component", "current", "runs", "remaining", "resetsAt", "runtime", "stage"),
        *("path", "url", "image", "error", "title", "event_id", "minimum", "maximum"),
    ]
)
WORDS = st.sampled_from(
    [
        *("prompt", "seed", "width", "string", "number", "SLEEPING", "PAUSED", "job-1"),
        *("numeric value between -3 and 1e999", "numeric value between 9 and 1."),
        *("2026-11-30T09:00:00Z", "2026-11-30", "99999999999999", "nan", "/a b/../c"),
        *("You have exceeded your GPU quota. Try again in 9 days, 99:99:99", "<b>x"),
        *("https://x.test/a.webp", "http://service.test/a.webp", "404: Not Found"),
        *("/\ud800 b.webp", "http://service.test/\ud800.webp"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS | st.text(max_size=9), inner, max_size=6)
    ),
    max_leaves=24,
)


def _good(data: object) -> Response:
    return Response(200, {}, json.dumps(data).encode())


GOOD = VALUES.map(_good)
STREAMS = st.lists(
    st.tuples(
        st.sampled_from(["complete", "error", "generating", "heartbeat", ""]), VALUES
    ),
    max_size=3,
).map(
    lambda events: Response(
        200,
        {"content-type": "text/event-stream"},
        "".join(
            f"event: {event}\ndata: {json.dumps(data)}\n\n" for event, data in events
        ).encode(),
    )
)
PARAMETERS = st.lists(
    st.fixed_dictionaries(
        {
            "parameter_name": st.sampled_from(["prompt", "seed", "width", "height"])
            | st.text(max_size=4),
            "parameter_has_default": st.booleans(),
            "parameter_default": VALUES,
            "type": st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["string", "number", "boolean", "object"]),
                    "description": WORDS
                    | st.builds(
                        "numeric value between {} and {}".format,
                        st.integers() | st.floats(),
                        st.integers() | st.floats(),
                    ),
                }
            ),
        }
    ),
    max_size=6,
)


def _start() -> HttpCall:
    fake = FakeSpace()
    fake.url = "http://service.test"
    order = ImageRequest(prompt="Bread", words="", width=1080, height=1350, seed=7)
    call = build_provider(settings_for("space", fake)).start(order, NOW)
    assert isinstance(call, HttpCall)
    return call


@given(st.lists(GOOD | STREAMS | REPLIES, min_size=1, max_size=6))
def test_from_the_quota_on_everything_is_read(replies: list[Response]) -> None:
    walk(_start(), replies)


@given(STREAMS, st.lists(GOOD | REPLIES, max_size=2))
def test_every_stream_is_read(stream: Response, replies: list[Response]) -> None:
    fake = FakeSpace()
    before = [_good(answer) for answer in (fake.quota, fake.description)]
    walk(_start(), [*before, _good({"event_id": "e"}), stream, *replies])


def test_a_path_that_cannot_be_stored_is_no_crash() -> None:
    fake = FakeSpace()
    call = _start()
    stream = b'event: complete\ndata: [{"path": "/\\ud800.webp"}]\n\n'
    before = [_good(answer) for answer in (fake.quota, fake.description)]
    for reply in (*before, _good({"event_id": "e"}), Response(200, {}, stream)):
        step = call.read(reply)
        assert isinstance(step, FollowUp)
        call = step.call
    assert call.url.endswith("/file=/%3F.webp")


@given(VALUES | PARAMETERS, st.integers(64, 4096), st.integers(64, 4096))
def test_every_description_is_called_within_what_it_says(
    parameters: object, width: int, height: int
) -> None:
    order = ImageRequest(prompt="Bread", words="", width=width, height=height, seed=7)
    described = {"named_endpoints": {"/infer": {"parameters": parameters}}}
    endpoint = find_endpoint(described, "", {})
    if endpoint is not None:
        arguments = endpoint.arguments(order, {})
        assert len(arguments) == len(endpoint.parameters)
        assert json.dumps(arguments)
    size = FLUX_SCHNELL.fit_size(order)
    assert 256 <= min(size.width, size.height) <= max(size.width, size.height) <= 2048


@given(st.binary(max_size=300))
def test_every_body_is_a_stream_of_events(body: bytes) -> None:
    for event, _data in read_events(Response(200, {}, body)):
        assert isinstance(event, str)

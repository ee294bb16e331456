"""Any bytes and any JSON end in an image or in one of our errors.  Nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import KINDS, request_fitting
from providers.base import (
    FollowUp,
    GeneratedImage,
    HttpCall,
    ImageRequest,
    Response,
    Step,
)
from providers.huggingface_routes import ROUTES
from providers.outcomes import InvalidImageError, ProviderError
from providers.responses import follow_url
from tests.providers.test_spellings import first_call

KEYS = st.sampled_from(
    [
        *("data", "images", "image", "result", "output", "url", "b64_json", "id"),
        *("request_id", "status", "error", "message", "detail", "code", "errors"),
        *("generations", "img", "done", "faulted", "is_possible", "wait_time"),
        *("censored", "has_nsfw_concepts", "title", "estimated_time", "retry_after"),
    ]
)
WORDS = st.sampled_from(
    [
        *("COMPLETED", "FAILED", "IN_QUEUE", "succeeded", "failed", "processing"),
        *("https://x.test/a.png", "data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgo="),
        *("job-1", "../../x", "nsfw", "{", '{"error_message": {"a": 1}}', ""),
        *("https://[x/a.png", "https://x.test/\ud800.png", "\ud800"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60).map(lambda tail: b"\x89PNG\r\n\x1a\n" + tail),
    st.just(b"<!doctype html><html></html>"),
    st.just(b"[" * 100_000),
)
REPLIES = st.builds(
    Response,
    st.sampled_from([200, 201, 202, 204, 400, 401, 402, 403, 404, 408, 410, 422, 429])
    | st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit", "content-type"]), st.text()
    ),
    BODIES,
)


def one_line(error: ProviderError) -> None:
    assert str(error).isprintable()


def walk(call: HttpCall, replies: list[Response]) -> None:
    """Follow an order through whatever comes back."""
    for reply in replies:
        try:
            step: Step = call.read(reply)
        except ProviderError as error:
            one_line(error)
            return
        if isinstance(step, GeneratedImage):
            assert step.data
            return
        assert isinstance(step, FollowUp)
        assert 0 <= step.seconds <= 60
        # It can be stored.
        assert (step.remote_id or "").isprintable()
        call = step.call
        # Wherever a file is: no key goes there.
        assert not (call.is_download and call.headers)
        assert call.is_download or call.url.startswith("http://service.test")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"freeapi"}))
@given(st.lists(REPLIES, min_size=1, max_size=4))
def test_every_kind_reads_everything(kind: str, replies: list[Response]) -> None:
    walk(first_call(kind), replies)


@pytest.mark.parametrize("name", sorted(ROUTES))
@given(REPLIES)
def test_every_route_reads_everything(name: str, reply: Response) -> None:
    def fetch(url: str) -> HttpCall:
        return HttpCall(
            method="GET",
            url=url,
            read=lambda _: GeneratedImage(data=b""),
            is_download=True,
        )

    try:
        ROUTES[name].read(reply, fetch)
    except ProviderError as error:
        one_line(error)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"freeapi"}))
@given(
    prompt=st.text(max_size=300),
    width=st.integers(64, 4096),
    height=st.integers(64, 4096),
    seed=st.integers(0, 2**31 - 1),
)
def test_every_order_is_a_request(
    kind: str, prompt: str, width: int, height: int, seed: int
) -> None:
    order = ImageRequest(prompt=prompt, words="", width=width, height=height, seed=seed)
    call = first_call(kind, order)
    assert json.dumps(call.json)
    assert call.is_image_request


@pytest.mark.parametrize(
    "wait",
    [10**400, -(10**400), float("nan"), True, "soon"],
    ids=["huge", "negative", "nan", "true", "text"],
)
def test_no_announced_wait_is_beyond_belief(wait: object) -> None:
    call = first_call("horde")
    for answer in ({"id": "job-1"}, {"done": False, "wait_time": wait}):
        step = call.read(Response(200, {}, json.dumps(answer).encode()))
        assert isinstance(step, FollowUp)
        assert 2 <= step.seconds <= 15
        call = step.call


def test_an_address_that_cannot_be_stored_leads_to_no_image() -> None:
    with pytest.raises(InvalidImageError):
        follow_url("https://x.test/\ud800.png", first_call)


@given(st.text(alphabet="<>()[]{}|#:1.3 abANDREK\\lorasdcpp_", max_size=80))
def test_no_command_survives_its_service(text: str) -> None:
    assert "|" not in request_fitting.without_bars(text)
    assert "<" not in request_fitting.without_tags(text)
    assert "###" not in request_fitting.without_hashes(text)
    escaped = request_fitting.escape_syntax(text)
    for bracket in "()[]":
        assert escaped.count(bracket) == escaped.count(f"\\{bracket}")
    assert not set("<>{}") & set(escaped)

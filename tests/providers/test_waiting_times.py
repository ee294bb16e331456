"""How long a service asks to wait is read in every spelling, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.waiting_times import find_seconds_to_wait, parse_duration

SENT = "Sun, 29 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "Sun, 29 Nov 2026 10:00:42 GMT", "date": SENT}, 42),
        # A moment in the past is now; without a clock of theirs it says nothing.
        ({"retry-after": "Sun, 29 Nov 2026 09:00:00 GMT", "date": SENT}, 0),
        ({"retry-after": "Sun, 29 Nov 2026 10:00:42 GMT"}, None),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"x-ratelimit-reset": "60"}, 60),
        ({"x-ratelimit-reset": "1795946460", "date": SENT}, 60),
        ({"x-ratelimit-reset": "1795946460000", "date": SENT}, 60),
        ({"x-ratelimit-reset": "2026-11-29T10:01:00Z", "date": SENT}, 60),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-after": "1h2m3s"}, 3723),
        # The limit that is used up counts, not the one that has room.
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "149000",
            },
            1,
        ),
        ({"ratelimit": '"api";r=0;t=55'}, 55),
        ({"ratelimit": '"minute";r=3;t=9, "day";r=0;t=600'}, 600),
        ({"ratelimit-reset": "5"}, 5),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-reset": "inf"}, None),
        ({}, None),
    ],
)
def test_every_header(headers: dict[str, str], seconds: float | None) -> None:
    assert find_seconds_to_wait(headers, None, "") == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"estimated_time": 20.5}, 20.5),
        ({"retry_after": 7}, 7),
        ({"error": {"retry_after": "7"}}, 7),
        ({"retry_after_ms": 250}, 0.25),
        (
            # Google's RetryInfo
            {"error": {"details": [{"reason": "x"}, {"retryDelay": "21s"}]}},
            21,
        ),
        ({"retry_after": True}, None),
        ({"retry_after": None, "error": "x"}, None),
        ([{"retry_after": 3}], 3),
        # What belongs to the request that is repeated is no answer.
        ({"input": {"retry_after": 9}}, None),
    ],
)
def test_every_body(body: object, seconds: float | None) -> None:
    assert find_seconds_to_wait({}, body, "") == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Your rate limit resets in ~7s.", 7),
        ("Please try again in 12s.", 12),
        ("Please try again in 1m30s.", 90),
        ("Try again in 1:30:05", 5405),
        ("Try again in 02:05.", 125),
        ("Please retry in 21.5s.", 21.5),
        ("Please try again in 20 ms", 0.02),
        ("retry after 5 seconds", 5),
        ("Please wait 30 seconds", 30),
        ("Wait for another 3 min", 180),
        ("try again in 1 hour and 5 minutes", 3900),
        ("available again in 2 days", 172800),
        ("Try again in 5 months", None),
        ("Try again later", None),
        ("12 seconds were used", None),
    ],
)
def test_every_sentence(text: str, seconds: float | None) -> None:
    assert find_seconds_to_wait({}, None, text) == seconds


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("retry-after", "retry-after-ms", "date", "ratelimit"),
                *("x-ratelimit-reset", "x-ratelimit-remaining", "ratelimit-reset"),
            ]
        ),
        st.text(max_size=40) | st.floats().map(str) | st.integers().map(str),
    ),
    st.text(alphabet="try again in0123456789:.smhd ", max_size=80),
)
def test_no_header_and_no_text_is_an_exception_or_a_foolish_time(
    headers: dict[str, str], text: str
) -> None:
    seconds = find_seconds_to_wait(headers, None, text)
    assert seconds is None or 0 <= seconds < 1e7
    parsed = parse_duration(text)
    assert parsed is None or 0 <= parsed < 1e7

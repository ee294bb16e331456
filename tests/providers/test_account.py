"""What an account says about its credits and about the rights of its token."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import build_provider
from providers.account import (
    AccountUsage,
    TokenRight,
    missing_rights,
    read_usage,
)
from providers.base import ProviderSettings, Response

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
FLUX = build_provider(ProviderSettings(name="flux", kind="flux")).traits
PRICE = 0.0015


def _response(data: object) -> Response:
    return Response(200, {}, json.dumps(data).encode())


def _billing(**entry: object) -> Response:
    return _response({"usage": {"inferenceProviders": entry}, "new": [1]})


@pytest.mark.parametrize(
    ("entry", "usage"),
    [
        # A PRO account; a limit of 0 is none.
        (
            {
                "usedNanoUsd": 2450000000,
                "includedNanoUsd": 2000000000,
                "limitNanoUsd": 0,
                "numRequests": 128,
                "periodEnd": "2026-12-01T00:00:00Z",
            },
            AccountUsage(included=2.0, used=2.45, resets_at=DECEMBER),
        ),
        # As the billing page has it.
        (
            {
                "usedNanoUsd": 0,
                "includedNanoUsd": 100000000,
                "limitNanoUsd": 100000000,
                "periodEnd": "2026-11-30T23:59:59.999Z",
                "providerDetails": [],
            },
            AccountUsage(included=0.1, used=0.0, limit=0.1, resets_at=DECEMBER),
        ),
        # Without what is not needed; the end of our query is no reset.
        (
            {"usedNanoUsd": 1.5e6, "includedNanoUsd": 0, "periodEnd": NOW.isoformat()},
            AccountUsage(included=0.0, used=0.0015),
        ),
        # Without what is needed, or of another kind.
        ({"usedNanoUsd": 1}, None),
        ({"includedNanoUsd": 1}, None),
        ({"usedNanoUsd": "1", "includedNanoUsd": 1}, None),
        ({"usedNanoUsd": True, "includedNanoUsd": 1}, None),
        ({"usedNanoUsd": -1, "includedNanoUsd": 1}, None),
        ({"usedNanoUsd": 1, "includedNanoUsd": float("inf")}, None),
        ({"usedNanoUsd": 1, "includedNanoUsd": 10**400}, None),
    ],
)
def test_the_billing_answer(entry: dict[str, Any], usage: AccountUsage | None) -> None:
    found = read_usage(_billing(**entry), NOW)
    if usage is None:
        assert found is None
        return
    assert found is not None
    assert found.included == pytest.approx(usage.included)
    assert found.used == pytest.approx(usage.used)
    assert found.limit == pytest.approx(usage.limit)
    assert found.resets_at == usage.resets_at


@pytest.mark.parametrize(
    ("end", "resets_at"),
    [
        ("2026-12-01T00:00:00.000Z", DECEMBER),
        ("2026-12-01", DECEMBER),
        ("2026-12-01T01:00:00+01:00", DECEMBER),
        ("2026-12-02T00:00:00Z", None),
        ("2026-11-01T00:00:00Z", None),
        ("2027-12-01T00:00:00Z", None),
        ("soon", None),
        (1796083200, None),
        (None, None),
        ("9999-12-31T23:59:59.999Z", None),
    ],
)
def test_only_the_next_first_of_a_month_is_a_reset(
    end: object, resets_at: datetime | None
) -> None:
    found = read_usage(_billing(usedNanoUsd=0, includedNanoUsd=0, periodEnd=end), NOW)
    assert found is not None
    assert found.resets_at == resets_at


_KEYS = (
    *("usage", "inferenceProviders", "usedNanoUsd", "includedNanoUsd", "periodEnd"),
    *("auth", "accessToken", "role", "fineGrained", "global", "scoped", "entity"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(data=_JSON, body=st.binary(max_size=20))
def test_no_answer_is_worse_than_not_known(data: object, body: bytes) -> None:
    for response in (
        _response(data),
        _billing(periodEnd=data),
        Response(200, {}, body),
    ):
        found = read_usage(response, NOW)
        assert found is None or found.used >= 0
        assert set(missing_rights(response, "")) <= set(TokenRight)


def _token(**fine: object) -> Response:
    token = {"role": "fineGrained", "fineGrained": fine}
    return _response({"auth": {"type": "access_token", "accessToken": token}})


_INFERENCE, _BILLING = TokenRight.INFERENCE, TokenRight.BILLING
_USER = {"type": "user", "name": "alice"}
_OVEN = {"type": "org", "name": "Oven"}


@pytest.mark.parametrize(
    ("response", "organization", "missing"),
    [
        (_response({"auth": {"accessToken": {"role": "read"}}}), "", ()),
        (_response({"name": "alice"}), "", ()),
        (_token(**{"global": [], "scoped": []}), "", (_INFERENCE, _BILLING)),
        (_token(**{"global": [_INFERENCE]}), "", (_BILLING,)),
        (
            _token(scoped=[{"entity": _USER, "permissions": [_INFERENCE, _BILLING]}]),
            "",
            (),
        ),
        # What it may do for an organisation, it may not for its owner.
        (
            _token(scoped=[{"entity": _OVEN, "permissions": [_INFERENCE]}]),
            "",
            (_INFERENCE, _BILLING),
        ),
        (_token(scoped=[{"entity": _OVEN, "permissions": [_INFERENCE]}]), "oven", ()),
        (
            _token(scoped=[{"entity": _USER, "permissions": [_INFERENCE]}]),
            "oven",
            (_INFERENCE,),
        ),
    ],
)
def test_the_rights_of_a_token(
    response: Response, organization: str, missing: tuple[TokenRight, ...]
) -> None:
    assert missing_rights(response, organization) == missing


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "https://huggingface.co/api/settings/billing/usage-v2"),
        (
            {"account": "my/oven"},
            "https://huggingface.co/api/organizations/my%2Foven/billing/usage-v2",
        ),
        ({"hub_url": "http://hub", "base_url": "http://router"}, "http://hub/api/"),
    ],
)
def test_the_request_for_the_credits_of_this_month(
    more: dict[str, str], url: str
) -> None:
    settings = ProviderSettings(name="flux", kind="flux", token="hf_x", **more)  # type: ignore[arg-type]
    call = build_provider(settings).usage_call(NOW)
    assert call is not None
    assert call.url.startswith(url)
    begin, end = (
        int(datetime(2026, 11, day, hour, tzinfo=UTC).timestamp())
        for day, hour in ((1, 0), (24, 10))
    )
    assert call.url.endswith(f"?startDate={begin}&endDate={end}")
    assert call.headers["Authorization"] == "Bearer hf_x"
    assert not call.is_image_request


def test_a_hub_that_may_not_see_the_token_is_not_asked() -> None:
    settings = ProviderSettings(
        name="flux", kind="flux", token="hf_x", hub_url="http://hub"
    )
    assert build_provider(settings).usage_call(NOW) is None

"""What is included, what is used of it, and what people read about both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.jobs.allowance import account_record, allowance_of, describe_allowance
from db.models import AccountRecord
from providers import build_provider
from providers.account import AccountUsage, TokenRight
from providers.base import ProviderSettings, ProviderTraits

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def _traits(kind: str = "flux", **more: float) -> ProviderTraits:
    settings = ProviderSettings(name=kind, kind=kind, **more)  # type: ignore[arg-type]
    return build_provider(settings).traits


def _record(
    included: float | None = 2.0, used: float = 0.04, **more: str
) -> AccountRecord:
    usage = None if included is None else AccountUsage(included=included, used=used)
    texts = {"problem": "", "missing_rights": "", **more}
    return account_record("flux", "hash", usage, NOW, **texts)


def _words(
    record: AccountRecord | None,
    *,
    since: float = 0.0,
    own: float = 0.0,
    later: timedelta = timedelta(),
    traits: ProviderTraits | None = None,
    settings: str = "hash",
) -> str:
    traits = traits or _traits(price=0.0015)
    answer = (record, since) if record else None
    allowance = allowance_of(traits, answer, own, NOW + later, settings)
    return describe_allowance(traits, allowance, UTC, 0.0015)


_UNKNOWN = "included credits not known, so each image counts as charged, about $0.0015"


def test_what_the_account_says_in_the_owners_words() -> None:
    assert _words(_record()) == "$0.04 of $2.00 included credits used, renews 1 Dec"
    nothing = "no credits included: each image is charged, about $0.0015"
    assert _words(_record(0.0, 0.0)) == nothing


def test_our_calls_since_the_answer_are_used_too() -> None:
    allowance = allowance_of(_traits(), (_record(), 0.02), 0.5, NOW, "hash")
    assert allowance.used == pytest.approx(0.06)
    # The last minutes before the answer may not be settled in it.
    assert _record().counted_until == NOW - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("record", "later", "settings"),
    [
        # It was not asked yet.
        (None, timedelta(), "hash"),
        # Another token's.
        (_record(), timedelta(), "other"),
        # Of an earlier month; too old, asked in vain since; of a wrong clock.
        (replace(_record(), resets_at=NOW), timedelta(), "hash"),
        (_record(), timedelta(hours=12, seconds=1), "hash"),
        (_record(), timedelta(days=-2), "hash"),
    ],
)
def test_what_is_not_known_is_not_included(
    record: AccountRecord | None, later: timedelta, settings: str
) -> None:
    answer = (record, 0.0) if record else None
    found = allowance_of(_traits(), answer, 0.0, NOW + later, settings)
    assert (found.included, found.is_known) == (0.0, False)
    assert _words(record, later=later, settings=settings) == _UNKNOWN


def test_why_it_is_not_known_is_said() -> None:
    words = _words(_record(None, problem="no answer in time"))
    assert words == f"{_UNKNOWN} (no answer in time)"


def test_a_token_that_may_not_generate_is_said_with_the_box_to_tick() -> None:
    words = _words(_record(missing_rights=f"{TokenRight.INFERENCE} of.another"))
    assert words == (
        "$0.04 of $2.00 included credits used, renews 1 Dec; the token lacks the right "
        '"Make calls to Inference Providers"; tick that box at '
        "huggingface.co/settings/tokens"
    )


@pytest.mark.parametrize(
    ("record", "own", "used"),
    [(_record(), 0.01, 0.04), (_record(), 0.07, 0.07), (None, 0.07, 0.07)],
)
def test_the_owners_setting_counts_and_the_larger_use(
    record: AccountRecord | None, own: float, used: float
) -> None:
    traits = _traits(included=0.1)
    answer = (record, 0.0) if record else None
    found = allowance_of(traits, answer, own, NOW, "hash")
    assert (found.included, found.used, found.is_known) == (0.1, used, True)


def test_a_plan_of_a_fixed_amount_needs_no_account() -> None:
    cloudflare = _traits("cloudflare")
    words = _words(None, own=0.02, traits=cloudflare)
    assert words == "$0.02 of $0.11 included credits used today"
    assert _words(None, traits=_traits("replicate")) == ""

"""What a provider includes without a charge, what is used of it, and both in words.

Most providers include a fixed amount.  Where the account can be asked, its last
answer counts: nothing is included while that is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from daemon.context import SourceContext
from daemon.formatting import format_dollars, format_spending
from db import spending
from db.engine import Tx
from db.models import AccountRecord
from providers.account import RIGHT_LABELS, AccountUsage, TokenRight, next_month_utc
from providers.base import ProviderTraits
from providers.writers.chat import PromptWriter

#: Hugging Face settles a call some five minutes later, so that calls of the last
#: minutes may not be in its figures.
SETTLED_AFTER = timedelta(minutes=5)
#: An older answer is not believed: the account was asked in vain since.
_MAX_AGE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a provider includes in the current period, in US dollars.

    Attributes:
        used: What is used of it, or beyond it.
        resets_at: When `used` begins at zero again; None: with the local day or month.
        is_known: The account, the owner or the plan states what is included.
        unknown_reason: Why it is not known; empty: it was not asked yet.
        may_generate: The token may be used for images, as far as is known.
    """

    included: float
    used: float
    per: Literal["month", "day"]
    resets_at: datetime | None = None
    is_known: bool = True
    unknown_reason: str = ""
    may_generate: bool = True


def allowance_of(
    traits: ProviderTraits,
    answer: tuple[AccountRecord, float] | None,
    own_use: float,
    now: datetime,
    settings: str,
) -> Allowance:
    """Return what a provider includes now.

    Args:
        answer: What its account said last, and the dollars of our calls since.
        own_use: Dollars of our included calls in this period.
        settings: Hash of the provider's present token and settings.
    """
    included, per = traits.included, traits.included_per
    # The plan includes a fixed amount for everybody.
    if not traits.asks_account:
        return Allowance(included=included or 0.0, used=own_use, per=per)
    is_present = answer is not None and answer[0].settings == settings
    record, since = answer if answer is not None and is_present else (None, 0.0)
    usage = _current_usage(record, since, now)
    missing = record.missing_rights.split() if record else []
    stated = Allowance(
        included=0.0,
        used=own_use,
        per=per,
        resets_at=usage.resets_at if usage else None,
        is_known=False,
        unknown_reason=record.problem if record else "",
        may_generate=TokenRight.INFERENCE not in missing,
    )
    # The owner's setting counts, and the larger of both uses.
    if included is not None:
        used = max(own_use, usage.used if usage else 0.0)
        return replace(stated, included=included, used=used, is_known=True)
    # Not known, so that each call counts as charged.
    if usage is None:
        return stated
    # The account has said it.
    return replace(stated, included=usage.included, used=usage.used, is_known=True)


async def load_allowances(
    tx: Tx, source: SourceContext, own_use: Callable[[ProviderTraits], float]
) -> dict[str, Allowance]:
    """Return what each provider includes, and what is used of it.

    Args:
        own_use: Returns the dollars of our included calls in the present period.
    """
    answers = await spending.load_accounts(tx)
    allowances = {
        name: allowance_of(
            provider.traits,
            answers.get(name),
            own_use(provider.traits),
            source.app.now(),
            source.fingerprints.get(name, ""),
        )
        for name, provider in source.providers.items()
    }
    return allowances | {
        name: allowances.get(_account_of(writer))
        or _allowance_of_writer(writer, own_use)
        for name, writer in source.writers.items()
    }


def _account_of(writer: PromptWriter) -> str:
    """Return the image service with the same account: "flux" for "writer:flux"."""
    is_shared = writer.traits.kind != "openai"
    return writer.traits.name.split(":")[1] if is_shared else ""


def _allowance_of_writer(
    writer: PromptWriter, own_use: Callable[[ProviderTraits], float]
) -> Allowance:
    """Return what is included with a writer whose account makes no images."""
    traits = writer.traits
    return Allowance(
        included=traits.included or 0.0,
        used=own_use(traits),
        per=traits.included_per,
    )


def _current_usage(
    record: AccountRecord | None, since: float, now: datetime
) -> AccountUsage | None:
    """Return the account's answer plus our calls since; None if it does not apply."""
    # It was never asked, or has said nothing.
    if record is None or record.included is None or record.used is None:
        return None
    # Of an earlier period, too old, or from the future: the clock was wrong.
    if record.resets_at <= now or abs(now - record.asked_at) > _MAX_AGE:
        return None
    return AccountUsage(
        included=record.included,
        used=record.used + since,
        limit=record.spend_limit,
        resets_at=record.resets_at,
    )


def account_record(
    provider: str,
    settings: str,
    usage: AccountUsage | None,
    now: datetime,
    *,
    problem: str,
    missing_rights: str,
) -> AccountRecord:
    """Return the record of an account's answer at *now*; *usage* None: not known."""
    stated = usage.resets_at if usage else None
    return AccountRecord(
        provider=provider,
        settings=settings,
        asked_at=now,
        included=usage.included if usage else None,
        used=usage.used if usage else None,
        spend_limit=usage.limit if usage else None,
        counted_until=now - SETTLED_AFTER,
        resets_at=stated or next_month_utc(now),
        problem=problem,
        missing_rights=missing_rights,
    )


def describe_allowance(
    traits: ProviderTraits, allowance: Allowance, zone: tzinfo, price: float
) -> str:
    """Return "$0.04 of $2.00 included credits used, renews 1 Dec", or "".

    Args:
        price: Dollars of a usual image.
    """
    words = _describe_credits(traits, allowance, zone, price)
    if allowance.may_generate:
        return words
    return f"{words}; {describe_missing_right(TokenRight.INFERENCE)}"


def _describe_credits(
    traits: ProviderTraits, allowance: Allowance, zone: tzinfo, price: float
) -> str:
    if allowance.included > 0:
        return _describe_included(allowance, zone)
    if not traits.asks_account:
        return ""
    about = f", about {format_dollars(price)}" if price > 0 else ""
    if allowance.is_known:
        return f"no credits included: each image is charged{about}"
    why = f" ({allowance.unknown_reason})" if allowance.unknown_reason else ""
    return f"included credits not known, so each image counts as charged{about}{why}"


def _describe_included(allowance: Allowance, zone: tzinfo) -> str:
    # What is used beyond them is charged.
    amount = min(allowance.used, allowance.included)
    used = f"{format_spending(amount, allowance.included)} included credits used"
    if allowance.resets_at is None:
        return f"{used} {'today' if allowance.per == 'day' else 'this month'}"
    local = allowance.resets_at.astimezone(zone)
    return f"{used}, renews {local.day} {local:%b}"


def describe_missing_right(right: TokenRight) -> str:
    """Return which right a token lacks, and which box to tick."""
    return (
        f'the token lacks the right "{RIGHT_LABELS[right]}"; tick that box at '
        "huggingface.co/settings/tokens"
    )


def is_request_due(asked_at: float | None, elapsed: float, interval: float) -> bool:
    """Return whether an account is asked at *elapsed* seconds.  Pure.

    Args:
        asked_at: Seconds of the last answer; None: there was none in this process.
        interval: Seconds between two requests.
    """
    return asked_at is None or elapsed - asked_at >= interval

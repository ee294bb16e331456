"""Times, durations, amounts and counts as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal

_DIME = 0.1
#: Dollars; less cannot be shown with four digits.
_LEAST = 0.0001


def format_time(
    time: datetime,
    zone: tzinfo | None = None,
    *,
    seconds: bool = False,
    year: bool = False,
    padded: bool = False,
) -> str:
    """Return "3 Nov 10:15"; `zone=None` is the machine's zone.

    Args:
        seconds: "3 Nov 10:15:30".
        year: "3 Nov 2026 10:15".
        padded: "03 Nov 10:15".
    """
    local = time.astimezone(zone)
    day = f"{local:%d}" if padded else f"{local.day}"
    return f"{day} {local:%b}{f' {local:%Y}' if year else ''} {_clock(local, seconds)}"


def format_clock(
    time: datetime, zone: tzinfo | None = None, *, seconds: bool = False
) -> str:
    """Return "10:15", or "10:15:30"; `zone=None` is the machine's zone."""
    return _clock(time.astimezone(zone), seconds)


def _clock(local: datetime, seconds: bool) -> str:  # noqa: FBT001 - passed on
    return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"


def format_short_time(time: datetime, now: datetime, zone: tzinfo) -> str:
    """Return "10:15" for today, else "24 Nov 10:15", or "24 Nov 2025"."""
    local, today = time.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return format_clock(time, zone)
    if local.year == today.year:
        return format_time(time, zone)
    return f"{local.day} {local:%b %Y}"


def format_note_time(time: datetime, now: datetime, zone: tzinfo) -> str:
    """Return "1 Dec", or "29 Nov 10:15" for today, as a note is read on later days."""
    local = time.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return format_time(time, zone)
    return f"{local.day} {local:%b}"


def format_duration(
    seconds: float, unit: Literal["s", "min", "h:mm:ss"] | None = None
) -> str:
    """Return "4.2 s", "3 min", "2 h" or "3 d"; with *unit*, always in that unit."""
    length = timedelta(seconds=seconds)
    if unit == "h:mm:ss":
        return str(timedelta(seconds=int(seconds)))
    if unit == "s" or (unit is None and length < timedelta(minutes=2)):
        return f"{seconds:.1f} s"
    if unit == "min" or length < timedelta(hours=2):
        return f"{seconds / 60:.0f} min"
    if length < timedelta(days=2):
        return f"{seconds / 3600:.0f} h"
    return f"{length.days} d"


def format_dollars(amount: float, *, zero: str = "free") -> str:
    """Return an amount in dollars as "$0.0031", "$1.20", or *zero*."""
    if amount <= 0:
        return zero
    if amount < _LEAST:
        return f"under ${_LEAST:.4f}"
    # Tenths of a cent matter below a dime.
    return f"${amount:.4f}" if amount < _DIME else format_cents(amount)


def format_cents(amount: float) -> str:
    """Return a budget or a sum in dollars as "$5.00"."""
    return f"${amount:.2f}"


def format_price(cost: float, included_cost: float) -> str:
    """Return the price of one image: "$0.0035", "included" or "free".

    Args:
        cost: US dollars charged.
        included_cost: US dollars of credits that the plan includes.
    """
    return "included" if included_cost > 0 else format_dollars(cost)


def describe_charge(cost: float, included_cost: float) -> str:
    """Return the price of one image in a sentence, as `format_price` in a table."""
    if included_cost > 0:
        return "covered by included credits"
    return format_dollars(cost, zero="no charge")


def format_spending(cost: float, budget: float | None) -> str:
    """Return "$0.12 of $5.00", or "$0.12" without a budget."""
    limit = f" of {format_cents(budget)}" if budget is not None else ""
    return f"{format_cents(cost)}{limit}"


def format_count(count: int, noun: str) -> str:
    """Return "1 image" or "2 images"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def format_service(name: str) -> str:
    """Return "flux", or "flux (prompt writer)" for the name "writer:flux"."""
    service = name.removeprefix("writer:")
    return service if service == name else f"{service} (prompt writer)"


def format_size(count: int) -> str:
    """Return a number of bytes as "1.4 MB" or "320 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 10**6 else f"{count // 1000} kB"

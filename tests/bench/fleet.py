"""One, two and three daemons on one PostgreSQL: images per second, a slow service."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.bench.table import Figure
from tests.cluster import cluster
from tests.daemon.cli.crew import crew

_SIZES = (1, 2, 3)
#: Posts for each daemon, of which two at once are in work for so long.
_POSTS = 20
_AT_ONCE = 2
_SECONDS_PER_IMAGE = 6.0
_RATE = 3
#: Three writes an image, within what our limiter leaves of the rate.
_NOTIONS = _RATE * 0.975 / 3
#: Of what it would be if each daemon brought as much as the first.
_LEAST = 0.9
_TOML = f"concurrency = {_AT_ONCE}\n"


def measure() -> list[Figure]:
    try:
        cluster()
    except pytest.skip.Exception as error:
        print(f"not measured: {error}", file=sys.stderr)  # noqa: T201 - it is a command
        return []
    rates = {size: asyncio.run(_rate(size)) for size in _SIZES}
    alone = rates[1]
    figures = [
        Figure(
            what="one daemon on PostgreSQL, a service that takes "
            f"{_SECONDS_PER_IMAGE:g} s",
            figure=alone,
            unit="a second",
            note=f"{_AT_ONCE} images at once in each, so at most "
            f"{_AT_ONCE / _SECONDS_PER_IMAGE:.2f} a second; Notion's {_RATE} requests "
            f"a second allow {_NOTIONS:.2f}",
        )
    ]
    for size in _SIZES[1:]:
        most = min(size * alone, _NOTIONS)
        figures.append(
            Figure(
                what=f"{size} daemons",
                against="as many times the one, or what Notion allows",
                figure=rates[size],
                unit="a second",
                reference=most,
                least=_LEAST,
            )
        )
    return figures


async def _rate(size: int) -> float:
    """Return images a second, from the first on a page to the last."""
    count = _POSTS * size
    with tempfile.TemporaryDirectory(prefix="postbrush-bench-") as name:
        folder = Path(name)
        shared = folder / "images"
        shared.mkdir()
        async with crew(folder, size=0, rate=_RATE, poll="10s", top=_TOML) as all_:
            all_.desk.town.hub.seconds_per_image = _SECONDS_PER_IMAGE
            for number in range(size):
                # A folder that all of them mount.
                all_.folder(number).mkdir()
                (all_.folder(number) / "images").symlink_to(shared)
                await all_.start(number)
            for number in range(count):
                all_.desk.add(f"Post {number}")
            await all_.until(
                lambda: len(all_.uploads()) >= count, within=count * 15.0 / size
            )
            times = [one.at for one in all_.uploads()]
    return _per_second(times)


def _per_second(times: list[datetime]) -> float:
    # The first goes ahead alone: what follows it is the pace.
    lasted = max(times) - min(times)
    return (len(times) - 1) / max(lasted, timedelta(seconds=1)).total_seconds()

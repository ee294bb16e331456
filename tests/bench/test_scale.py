"""The years that the scale is measured with are what the product reads."""

from __future__ import annotations

from pathlib import Path

from tests.bench.scale import DONE, years


async def test_whatever_is_timed_works_on_the_rows_it_is_timed_with(
    tmp_path: Path,
) -> None:
    async with years(tmp_path, (100, 20)) as some:
        for does in DONE.values():
            assert await does(some) > 0

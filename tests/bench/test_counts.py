"""The bars that are counts are promises, so they are tests, too."""

from __future__ import annotations

import pytest

from tests.bench import counts


@pytest.mark.timeout(600)
async def test_the_counts_hold() -> None:
    short = [one for one in await counts.measured() if one.holds is not True]
    assert short == []

"""The bars that are counts are promises, so they are tests, too."""

from __future__ import annotations

import pytest

from tests.bench import counts


@pytest.mark.parametrize(
    "sizes",
    [(100,), pytest.param(counts.SIZES, marks=pytest.mark.long)],
    ids=["few posts", "many posts"],
)
@pytest.mark.timeout(600)
async def test_the_counts_hold(sizes: tuple[int, ...]) -> None:
    figures = await counts.measured(sizes)
    assert [one for one in figures if one.holds is not True] == []

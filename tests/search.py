"""How much is tried: a part in `make test`, all of it in `make test-long`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import settings

#: Set to "long" by `make test-long`.
VARIABLE = "POSTBRUSH_TEST_SEARCH"
#: What a search of its own size finds at first; Hypothesis' own default is 100.
_FEWEST = 6
_SHARE = 10

#: Each search does so much; those that name no number do as many as the profile says.
settings.register_profile("short", max_examples=20, deadline=None)
settings.register_profile("long", max_examples=200, deadline=None)


def is_long() -> bool:
    """Say whether searches are to take their time."""
    return os.environ.get(VARIABLE) == "long"


def examples(most: int) -> int:
    """Return how many examples a search tries that tries *most* when it has time."""
    return most if is_long() else max(_FEWEST, most // _SHARE)


def thinned(cases: Iterable[Any], every: int) -> list[ParameterSet]:
    """Return cases of which `make test` tries each *every*th; tuples are rows.

    A server is asked no more of them than that.
    """
    left = [pytest.mark.long, pytest.mark.sqlite_only]
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=left if number % every else [],
        )
        for number, case in enumerate(cases)
    ]

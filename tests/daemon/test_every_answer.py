"""Every endpoint of Notion, every answer: no loop, no silence, no money twice.

What is expected is the table of tests/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.daemon.storm import ANSWERS, AT_A_JOB, AT_START, TIMES, Hour, pass_hour

_README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
_ENDPOINTS = (*AT_START, *AT_A_JOB)
_COLUMNS = ("400", "401", "403", "404", "too fast", "away", "odd")
_ODD = ("200 {}", "200 []", "200 without fields")
#: Each answer at some endpoint for ever, with it each endpoint; some a few times.
_DIAGONAL = [
    *((_ENDPOINTS[n % 11], answer, "for ever") for n, answer in enumerate(ANSWERS)),
    ("data_sources.query", "529", "once"),
    ("pages.retrieve", "200 []", "once"),
    ("file_uploads.retrieve", "504", "once"),
    ("file_uploads.send", "404", "five times"),
    ("pages.update, un-tick", "400", "five times"),
    ("pages.update, image", "403", "five times"),
    ("data_sources.query", "200 {}", "five times"),
]
#: Cells that take ten real seconds, or are on the diagonal already.
_REST = [
    (endpoint, answer, times)
    for endpoint in _ENDPOINTS
    for answer in ANSWERS
    for times in TIMES
    if (endpoint, answer, times) not in _DIAGONAL
]


def _table() -> Mapping[str, Mapping[str, str]]:
    """Return the table: endpoint to column to word."""
    rows = re.findall(r"^\| ([a-z_.]+(?:, [a-z-]+)?) \|(.+)\|$", _README, re.MULTILINE)
    cells_by_name = {
        name: [part.strip() for part in cells.split("|")] for name, cells in rows
    }
    return {
        name: dict(zip(_COLUMNS, cells_by_name[name], strict=True))
        for name in _ENDPOINTS
    }


def _column(answer: str) -> str:
    if answer in _COLUMNS:
        return answer
    if answer in _ODD:
        return "odd"
    return "too fast" if answer.startswith(("429", "529")) else "away"


def _word(endpoint: str, answer: str, times: str) -> str:
    # The file is too large: no pause makes it smaller.
    if (endpoint, answer) == ("file_uploads.send", "413"):
        return "done" if times == "once" else "fails"
    if times == "for ever":
        return _table()[endpoint][_column(answer)]
    if times == "five times" and answer in {"400", "404"}:
        # Three times is enough to know, and for a missing page twice.
        if endpoint in {"file_uploads.create", "file_uploads.send"}:
            return "fails"
        if answer == "404" and endpoint in {"pages.retrieve", "pages.update, image"}:
            return "cancelled"
    return "done"


#: Word to (states of the job, images paid for, lines).
_MEANS: Mapping[str, tuple[set[str], set[int], range]] = {
    "shut": ({""}, {0}, range(1, 3)),
    "away": ({""}, {0}, range(1, 3)),
    "waits": ({"queued", "uploading"}, {1, 2}, range(1, 4)),
    "fails": ({"failed"}, {2}, range(2, 4)),
    "cancelled": ({"cancelled"}, {1, 2}, range(3)),
    "done": ({"done"}, {2}, range(3)),
}


def _check(hour: Hour, endpoint: str, word: str) -> None:
    states, paid, lines = _MEANS[word]
    assert hour.state in states, hour
    assert hour.others == ("" if word in {"shut", "away"} else "done"), hour
    assert hour.source == (word if word in {"shut", "away"} else ""), hour
    # A box that cannot be un-ticked costs nothing; everything else is paid for once.
    if endpoint == "pages.update, un-tick" and word in {"waits", "cancelled"}:
        paid = {1}
    elif word in {"waits", "cancelled"}:
        paid = {2}
    assert hour.paid in paid, hour
    # How often Notion asks for patience is said elsewhere.
    said = sum(n for name, n in hour.lines.items() if name != "notion.limited")
    assert said in lines, hour
    assert hour.burst <= 45, hour
    assert hour.late <= 2.5, hour
    if word == "waits":
        assert " failed: " in hour.why, hour


@pytest.mark.parametrize(("endpoint", "answer", "times"), _DIAGONAL)
async def test_an_answer_of_each_kind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    answer: str,
    times: str,
) -> None:
    hour = await pass_hour(tmp_path, monkeypatch, endpoint, answer, times)
    _check(hour, endpoint, _word(endpoint, answer, times))


@pytest.mark.long
@pytest.mark.parametrize(("endpoint", "answer", "times"), _REST)
async def test_every_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    answer: str,
    times: str,
) -> None:
    hour = await pass_hour(tmp_path, monkeypatch, endpoint, answer, times)
    _check(hour, endpoint, _word(endpoint, answer, times))


def test_the_table_names_every_endpoint_and_means_something() -> None:
    words = {word for row in _table().values() for word in row.values()}
    assert words <= set(_MEANS)
    assert f"all {len(_ENDPOINTS) * len(ANSWERS) * len(TIMES)} cells" in _README

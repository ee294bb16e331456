"""The log: one sentence a line, nothing secret, a repeated failure said once."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.stdlib import BoundLogger

from daemon.errors import SetupError
from daemon.service import control, log, tasks
from daemon.service.lock import DataDirLock, find_holder
from daemon.service.log import Redactor
from daemon.service.tasks import run_detached

TOKEN = "ntn_" + "q" * 40
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _said(kind: log.Format) -> tuple[BoundLogger, io.StringIO]:
    out = io.StringIO()
    found = log.configure("debug", kind, environ={}, stream=out, secrets=[TOKEN])
    return found, out


@pytest.mark.parametrize("kind", ["pretty", "json"])
def test_a_token_is_never_said_whatever_it_is_part_of(kind: log.Format) -> None:
    logger, out = _said(kind)
    logger.info("job.done", summary=f"with {TOKEN}", note=f"and {TOKEN}", job=1)
    logger.info("x.y", summary="Bearer abcdefghijkl hf_abcdefghijklmnop")
    wrong = ValueError(f"token {TOKEN} is wrong")
    logger.error("job.crashed", summary="oh", exc_info=wrong)
    assert TOKEN not in out.getvalue()
    assert "hf_abcdefghijklmnop" not in out.getvalue()
    assert "abcdefghijkl" not in out.getvalue()
    assert "[secret]" in out.getvalue()


@given(st.text(max_size=80), st.text(min_size=6, max_size=30))
def test_redaction_leaves_nothing_of_a_secret(text: str, secret: str) -> None:
    clean = Redactor([secret])
    assert secret not in clean(f"{text}{secret}{text}").replace("[secret]", "\0")
    assert secret not in repr(clean)


def test_json_is_one_object_a_line_whatever_is_said() -> None:
    logger, out = _said("json")
    logger.warning("poll.failed", summary="two\nlines \x1b[31m", page="ä" * 3, n=None)
    (line,) = out.getvalue().splitlines()
    data = json.loads(line)
    assert data["message"] == "poll.failed two lines \x1b[31m"
    assert (data["level"], data["page"]) == ("warning", "äää")
    assert "n" not in data


def test_a_failure_is_said_when_it_starts_once_an_hour_and_when_it_ends() -> None:
    spells = tasks.FailureThrottle()
    said = [
        minute
        for minute in range(0, 150, 5)
        if spells.record_failure("notion", NOW + timedelta(minutes=minute))
    ]
    assert said == [0, 60, 120]
    assert spells.record_recovery("notion", NOW + timedelta(minutes=150)) == timedelta(
        minutes=150
    )
    assert spells.record_recovery("notion", NOW) is None


def test_who_taps_the_log_hears_what_its_level_keeps_from_people() -> None:
    heard: list[log.LogLine] = []
    out = io.StringIO()
    with log.listen_to_log(heard.append), log.listen_to_log(heard.append):
        logger = log.configure("error", "json", environ={}, stream=out, secrets=[TOKEN])
        logger.info("breaker.closed", summary=f"flux: {TOKEN}", provider="flux")
    logger.error("disk.full", summary="no room")
    assert [line.message for line in heard] == ["breaker.closed flux: [secret]"] * 2
    assert heard[0].fields == {"provider": "flux"}
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == [
        "disk.full"
    ]


async def test_what_is_done_aside_is_not_waited_for_and_says_nothing() -> None:
    _, out = _said("json")
    leave = threading.Event()

    def work() -> int:
        logging.getLogger("some.library").error("POST /bot123:token failed")
        leave.wait()
        return 1

    with pytest.raises(TimeoutError):
        await run_detached(work, seconds=0.01)
    leave.set()
    assert await run_detached(lambda: 2, seconds=60) == 2
    with pytest.raises(ZeroDivisionError):
        await run_detached(lambda: 1 / 0, seconds=60)
    assert not out.getvalue()


def test_the_lock_names_who_holds_it_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "postbrush.lock"
    first, second = DataDirLock(path, "run"), DataDirLock(path, "once")
    assert find_holder(path) is None
    with first:
        with (
            pytest.raises(
                SetupError, match=r"postbrush run is already running \(process"
            ),
            second,
        ):
            pass
        holder = find_holder(path)
        assert holder is not None
        assert holder.command == "run"
    assert find_holder(path) is None
    with second:
        pass


async def test_a_socket_nobody_listens_on_is_no_daemon(tmp_path: Path) -> None:
    path = tmp_path / "postbrush.sock"
    assert await control.send_command(path, "status") is None
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    assert await control.send_command(path, "status") is None
    assert await control.send_command(path, "wake") is None

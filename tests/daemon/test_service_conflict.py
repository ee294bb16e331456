"""The service of this machine beside another daemon: what it says, what that means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon import service_conflict, status_line
from daemon.errors import SetupError
from tests.daemon.house import House

_SOURCE = "1a2b3c4d-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("state", "status", "mark"),
    [
        ("active", "'Posts' (1a2b3c4d), last poll 10:15:30; nothing", "(1a2b3c4d)"),
        ("reloading", "'Posts' (1a2b3c4d), last poll 10:15:30", "(1a2b3c4d)"),
        ("activating", "", ""),
        ("active", "Notion has not responded yet", ""),
        ("active", "Notion: it cannot be reached", ""),
        ("inactive", "", None),
        ("failed", "'Posts' (1a2b3c4d), last poll 10:15:30", None),
        ("deactivating", "'Posts' (1a2b3c4d), last poll 10:15:30", None),
        # A title is anything; only the last mark is ours.
        ("active", "'A (deadbeef)' (1a2b3c4d), last poll 10:15:30", "(1a2b3c4d)"),
        (
            "active",
            "'B (deadbeef), last poll 1' (1a2b3c4d), last poll 2; x",
            "(1a2b3c4d)",
        ),
        ("active", "'[x] a=b = c' (1a2b3c4d), last poll 10:15:30", "(1a2b3c4d)"),
        ("active", "'C' (1a2b3c4d), last poll 1; a: (deadbeef)", "(1a2b3c4d)"),
    ],
)
def test_what_a_service_watches_is_read_from_its_status(
    state: str, status: str, mark: str | None
) -> None:
    marks = None if mark is None else {mark} - {""}
    shown = f"ActiveState={state}\nStatusText={status}\n"
    assert service_conflict.watched_sources(shown) == marks
    # systemd promises no order.
    assert (
        service_conflict.watched_sources(f"StatusText={status}\nActiveState={state}\n")
        == marks
    )


@pytest.mark.parametrize("shown", ["", "\n", "rubbish", "ActiveState=", "StatusText=x"])
def test_no_such_service_is_none(shown: str) -> None:
    assert service_conflict.watched_sources(shown) is None


@pytest.mark.parametrize(
    "title", ["Posts", "x" * 2000, "A (deadbeef), last poll", "two\nlines (", "Käse 🐙"]
)
async def test_what_it_says_of_itself_is_what_another_reads(
    home: House, title: str
) -> None:
    schema = home.source.known_schema
    object.__setattr__(schema, "title", title)
    object.__setattr__(schema, "source", _SOURCE)
    sentence = status_line.describe_watching(home.sources)
    status = " ".join(sentence.split())[:400]
    shown = f"ActiveState=active\nStatusText={status}\n"
    assert service_conflict.watched_sources(shown) == frozenset(
        {status_line.short_source_id(_SOURCE)}
    )


def _systemctl(folder: Path, body: str) -> dict[str, str]:
    """Put a systemctl of our own on the path; return the environment."""
    made = folder / "bin" / "systemctl"
    made.parent.mkdir()
    made.write_text(f"#!/bin/sh\n{body}\n")
    made.chmod(0o755)
    return {"PATH": f"{made.parent}:{os.environ['PATH']}"}


def _shows(status: str, state: str = "active") -> str:
    return f"cat <<'END'\nActiveState={state}\nStatusText={status}\nEND"


def _about(home: House) -> str:
    return status_line.describe_watching(home.sources)


def _warned(home: House) -> int:
    return sum(line.startswith("service.active") for line in home.said)


async def test_a_second_one_on_the_same_database_is_refused(
    home: House, tmp_path: Path
) -> None:
    environ = _systemctl(tmp_path, _shows(_about(home)))
    with pytest.raises(SetupError, match="sudo systemctl stop postbrush") as refused:
        await service_conflict.refuse_if_service_watches(
            home.source, home.watchers, environ
        )
    assert refused.value.exit_code == 2
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "status",
    ["'Others' (deadbeef), last poll 10:15:30", "Notion has not responded yet", ""],
)
async def test_one_on_another_database_is_warned_of(
    home: House, tmp_path: Path, status: str
) -> None:
    environ = _systemctl(tmp_path, _shows(status))
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ
    )
    assert _warned(home) == 1


async def test_one_that_cannot_ask_notion_is_warned_of(
    home: House, tmp_path: Path
) -> None:
    environ = _systemctl(tmp_path, _shows(_about(home)))
    home.space.inject_fault("/users/me", times=99, status=503)
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ
    )
    assert _warned(home) == 1


@pytest.mark.parametrize(
    "body",
    [_shows("", "inactive"), "exit 1", "echo rubbish", "printf '\\377\\000=\\n'"],
)
async def test_no_service_is_no_matter(home: House, tmp_path: Path, body: str) -> None:
    environ = _systemctl(tmp_path, body)
    home.forget()
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ
    )
    assert (home.said, home.space.requests) == ([], [])


async def test_a_machine_without_systemd_is_no_matter(
    home: House, tmp_path: Path
) -> None:
    environ = {"PATH": str(tmp_path)}
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ
    )
    assert home.said == []


async def test_a_systemd_that_does_not_answer_is_not_waited_for(
    home: House, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    environ = _systemctl(tmp_path, f"echo $$ >{pid}\nexec sleep 3600")
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ, patience=0.3
    )
    assert home.said == []
    # It is gone, too; a slow machine may not have begun it.
    assert not pid.exists() or not _lives(int(pid.read_text()))


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_the_service_does_not_ask_about_itself(
    home: House, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    environ = _systemctl(tmp_path, f"touch {asked}\n{_shows(_about(home))}")
    environ["SYSTEMD_EXEC_PID"] = str(os.getpid())
    await service_conflict.refuse_if_service_watches(
        home.source, home.watchers, environ
    )
    assert (home.said, asked.exists()) == ([], False)

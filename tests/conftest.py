"""In CI nothing may be skipped; and who runs what, and when."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator

import pytest
from hypothesis import is_hypothesis_test, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from daemon.service import log as daemon_log
from tests.cluster import cluster, on_postgres
from tests.compiled import share_compiled_statements
from tests.search import is_long

#: Reported at the end of a run: the folders that cost more than this, in seconds.
_WORTH_A_LINE = 5.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if (
        report.skipped
        and os.environ.get("CI") == "true"
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {item.nodeid}: {call.excinfo}"
    return report


@pytest.fixture(autouse=True)
def _databases() -> Iterator[None]:
    """Whatever a test made on a server is gone when it has ended."""
    yield
    if cluster.cache_info().currsize:
        cluster().drop()


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if is_long() else "short")
    share_compiled_statements()
    # httpcore looks for it with every request; a search in vain is made anew each time.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: machines that boot and daemons are waited for."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each folder cost, so that whoever waits knows for what."""
    if os.environ.get("CI") != "true":
        return
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = re.match(r"tests(/\w+){0,2}(?=/)", report.nodeid)
                seconds[folder[0] if folder else "tests"] += report.duration
    terminalreporter.section("seconds of all workers, by folder")
    for path, took in sorted(seconds.items(), key=lambda item: -item[1]):
        if took >= _WORTH_A_LINE:
            terminalreporter.write_line(f"{took:8.1f}  {path}")


#: They take half a minute and more, so that nobody waits for them at the end.
_FIRST = (
    *("tests/daemon/test_month", "tests/daemon/test_any_history"),
    *("tests/crash/test_matrix", "tests/daemon/cli/test_crew"),
    *("tests/bench/test_counts", "tests/db/test_jobs"),
    "tests/daemon/cli/test_clock_steps",
)
#: What needs more than Python and make, as a whole; single tests have the mark.
_LONG = (
    *("tests/systemd/", "tests/counterparts/", "tests/container/"),
    *("tests/daemon/cli/test_crew", "tests/daemon/cli/test_on_a_server"),
)


#: Once is enough.  What they call of `db/`, those that stay call, too.
_ONCE = (
    # Pure functions, files, HTTP and systemd: they know no database.
    *("tests/daemon/config/", "tests/daemon/cli/setup/", "tests/daemon/service/"),
    *("tests/daemon/notion/", "tests/daemon/pretend/", "tests/daemon/imaging/"),
    *("tests/daemon/jobs/test_scene", "tests/daemon/jobs/test_prompt"),
    *("tests/daemon/jobs/test_job_valid", "tests/daemon/jobs/test_allowance"),
    *("tests/daemon/sync/test_planner", "tests/daemon/test_schedule"),
    *("tests/daemon/test_settings_hash", "tests/daemon/test_places"),
    *("tests/daemon/cli/test_user_service", "tests/daemon/cli/test_healthcheck"),
    # They know which database they are about, or have two.
    *("tests/daemon/cli/test_crew", "tests/daemon/cli/test_on_a_server"),
    *("tests/daemon/test_cluster", "tests/daemon/test_copied_machine"),
    # What a service or Notion answers is handled above the database.
    *("tests/daemon/test_every_answer", "tests/daemon/test_services"),
    *("tests/daemon/test_intake", "tests/daemon/test_account"),
    *("tests/daemon/test_refusals", "tests/daemon/test_repeated_images"),
    *("tests/daemon/test_route_prices", "tests/daemon/test_space"),
    *("tests/daemon/test_own_servers", "tests/daemon/test_service_conflict"),
    *("tests/daemon/test_prompt_writer.py", "tests/daemon/test_prompts"),
    *("tests/daemon/test_queries", "tests/daemon/test_filters"),
    *("tests/daemon/test_watchdog", "tests/daemon/test_month"),
    # What people are asked, told and refused: the same words from the same rows.
    *("tests/daemon/cli/test_init", "tests/daemon/cli/test_odd_use"),
    *("tests/daemon/cli/test_told", "tests/daemon/test_status_line"),
    *("tests/daemon/web/test_in_a_browser", "tests/daemon/web/test_attacks"),
    *("tests/daemon/web/test_proxies", "tests/daemon/web/test_listening"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        # Apprise imports it; `pytest -W error` would undo an entry in pyproject.toml.
        item.add_marker(
            pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
        )
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("search")
        if item.nodeid.startswith(_LONG):
            item.add_marker("long")
    # A server has no file to look at or to fill.
    if on_postgres():
        left = [
            one
            for one in items
            if one.get_closest_marker("sqlite_only") or one.nodeid.startswith(_ONCE)
        ]
        items[:] = [one for one in items if one not in left]
        config.hook.pytest_deselected(items=left)
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # has no types
    """Tests go to whichever worker is free, those of a booted machine to one.

    Those in a browser, too: several at once take more than there is.  Machines and
    browser come first: a scope with more tests does.
    """

    def _split_scope(self, nodeid: str) -> str:
        if machine := re.search(r"tests/systemd/.*\[(\w+)", nodeid):
            return machine.group(1)
        if "tests/container/" in nodeid:
            return "container"
        return "browser" if "/test_in_a_browser" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadScopeScheduling:
    return _Scheduling(config, log)


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Undo `log.configure`: an unconfigured structlog draws tracebacks for 30 s."""
    yield
    root = logging.getLogger()
    ours = daemon_log.__name__
    root.handlers = [one for one in root.handlers if type(one).__module__ != ours]

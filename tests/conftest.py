"""In CI nothing may be skipped; and what shares a machine runs on one worker."""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


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


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # has no types
    """Tests go to whichever worker is free, those of a booted machine to one."""

    def _split_scope(self, nodeid: str) -> str:
        machine = re.search(r"tests/systemd/.*\[(\w+)", nodeid)
        return machine.group(1) if machine else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadScopeScheduling:
    return _Scheduling(config, log)

"""Any history, searched: services and Notion fail, people interfere, power goes.

After each history everything is mended and given time; then nothing is lost, stuck
or paid for twice, and every page shows what the database says.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    invariant,
    multiple,
    precondition,
    rule,
)

from daemon.pretend.models import FakeProperty
from daemon.pretend.scenes import render_scene
from tests.cluster import on_postgres
from tests.daemon.searched_town import SearchedTown
from tests.search import examples

_SERVICE = st.sampled_from(
    [
        {"status": 500},
        {"status": 503, "body": {"error": "loading", "estimated_time": 20}},
        {"status": 429, "retry_after": 40},
        {"status": 401, "body": {"error": "Invalid username or password."}},
        {"status": 504},
        {"status": 200, "html": True},
        {"status": 200, "body": b"\x89PNG\r\n\x1a\ncut short"},
        {"status": 400, "body": {"error": "NSFW content detected"}},
        {"drop": True},
    ]
)
_NOTION = st.sampled_from(
    [
        {"status": 429, "retry_after": 70},
        {"status": 409},
        {"status": 500},
        {"status": 503, "html": True},
        {"status": 529, "retry_after": 5},
        {"drop": True},
        {"drop": True, "after": True},
        {"status": 504, "after": True},
        {"status": 200, "html": True},
    ]
)
#: What Notion says of a single page.
_ROW = st.sampled_from(
    [
        {"status": 403},
        {"status": 404},
        {"status": 400},
        {"status": 500},
        {"status": 200, "body": {}},
    ]
)
_NOT_READY = {
    "object": "error",
    "status": 404,
    "code": "object_not_found",
    "message": "Could not find file_upload with ID: 3d3c0b2a-1b2c-4d5e-8f90-"
    "0123456789ab. Confirm the status of the file upload is `uploaded` and that it is "
    "shared with your integration.",
}
_WHERE = st.sampled_from(["PATCH /v1/pages/", "/query", "file_uploads", "GET /v1/"])


class AnyHistory(SearchedTown):
    """What may happen, in any order."""

    pages = Bundle("pages")

    def _write_post(self, *, ticked: bool = False) -> str:
        self.words += 1
        page = self.daemon.add(
            f"Post {self.words}", f"Bread number {self.words}.", Regenerate=ticked
        )
        self.wishes[page] += 1
        return page

    @rule(target=pages, ticked=st.booleans())
    def somebody_writes_a_post(self, *, ticked: bool) -> str:
        return self._write_post(ticked=ticked)

    @rule(target=pages)
    def somebody_imports_posts(self) -> MultipleResults[str]:
        return multiple(*(self._write_post() for _ in range(5)))

    @rule(newest=st.sampled_from([1, 3, None]))
    def somebody_approves(self, newest: int | None) -> None:
        self.run(self.approve(newest))

    @rule(page=pages)
    def somebody_edits_it(self, page: str) -> None:
        self.words += 1
        self.town.workspace.edit_page(page, {"Post": f"Cake number {self.words}."})
        self.wishes[page] += 1

    @rule(page=pages)
    def somebody_ticks_the_box(self, page: str) -> None:
        self.town.workspace.tick_box(page)
        self.wishes[page] += 1

    @rule(page=pages, back=st.booleans())
    def somebody_trashes_it_or_takes_it_out(self, page: str, *, back: bool) -> None:
        self.town.workspace.trash_page(page, restore=back)

    @rule(page=pages)
    def somebody_adds_a_file_of_their_own(self, page: str) -> None:
        data = render_scene("holiday", 1, 64, 64)
        self.town.workspace.add_file(page, "Image", "holiday.png", data)

    @rule(left=st.sampled_from([None, 0, 2]))
    def credits_change(self, left: int | None) -> None:
        self.town.hub.credits = left

    @rule(fault=_SERVICE, times=st.integers(1, 4))
    def the_service_fails(self, fault: dict[str, Any], times: int) -> None:
        self.town.hub.inject_fault(times=times, **fault)

    @rule(fault=_NOTION, where=_WHERE, times=st.integers(1, 6))
    def notion_fails(self, fault: dict[str, Any], where: str, times: int) -> None:
        self.town.workspace.inject_fault(where, times=times, **fault)

    @rule(
        page=pages,
        fault=_ROW,
        method=st.sampled_from(["GET", "PATCH"]),
        times=st.sampled_from([1, 5, None]),
    )
    def a_row_is_refused(
        self, page: str, fault: dict[str, Any], method: str, times: int | None
    ) -> None:
        self.town.workspace.inject_fault(
            f"{method} /v1/pages/{page}", times=times, **fault
        )

    @rule(page=pages, times=st.sampled_from([1, 2, 7, None]))
    def an_upload_is_not_ready(self, page: str, times: int | None) -> None:
        self.town.workspace.inject_fault(
            f"PATCH /v1/pages/{page}",
            times=times,
            status=404,
            body=_NOT_READY,
            chosen=lambda _path, about: "file_upload" in about,
        )

    @rule(name=st.sampled_from(["Regenerate", "Image status", "Image note"]))
    def somebody_makes_a_property_anew(self, name: str) -> None:
        space, source = self.town.workspace, self.town.source.id
        before = space.sources[source].columns[name]
        space.remove_column(source, name)
        made = FakeProperty(
            secrets.token_hex(2), name, before.type, list(before.options)
        )
        space.add_column(source, made)

    @precondition(lambda _self: not on_postgres())
    @rule(hours=st.sampled_from([-31 * 24, -1, 1, 31 * 24]))
    def somebody_sets_the_clock(self, hours: int) -> None:
        """Stored times are moved, where one daemon has the database."""
        self.clock.time += timedelta(hours=hours)

    @rule(page=pages, what=st.sampled_from(["tick", "edit", "trash", "restore"]))
    def a_sweep_meets_a_poll(self, page: str, what: str) -> None:
        acts: dict[str, Callable[[], None]] = {
            "tick": lambda: self.somebody_ticks_the_box(page),
            "edit": lambda: self.somebody_edits_it(page),
            "trash": lambda: self.somebody_trashes_it_or_takes_it_out(page, back=False),
            "restore": lambda: self.somebody_trashes_it_or_takes_it_out(
                page, back=True
            ),
        }
        self.run(self.sweep_while(acts[what]))

    @rule(seconds=st.sampled_from([1, 15, 130, 700, 4000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        self.run(self.work())

    @rule(page=pages, fault=_ROW, is_upload=st.booleans())
    def a_minute_passes_while_a_row_is_refused(
        self, page: str, fault: dict[str, Any], *, is_upload: bool
    ) -> None:
        self.somebody_ticks_the_box(page)
        if is_upload:
            self.an_upload_is_not_ready(page, None)
        else:
            self.a_row_is_refused(page, fault, "PATCH", None)
        self.time_passes(130)
        self.run(self.pass_minute())

    @rule()
    def two_hours_pass(self) -> None:
        self.run(self.pass_hours())

    @rule(
        commits=st.integers(0, 15),
        kept=st.booleans(),
        seconds=st.sampled_from([0, 130]),
    )
    def the_power_goes(self, *, commits: int, kept: bool, seconds: int) -> None:
        """Drop everything at some commit of its work, and start again."""
        self.clock.move(seconds=seconds)
        self.run(self._die(commits, kept=kept))
        self.start()

    @invariant()
    def a_page_has_at_most_one_open_job(self) -> None:
        if self.home is None:
            return
        open_jobs = [job for job in self.run(self.daemon.jobs()) if job.is_open]
        assert len(open_jobs) == len({job.page_id for job in open_jobs})

    @invariant()
    def few_posts_say_that_they_wait_for_approval(self) -> None:
        space = self.town.workspace
        pages = space.list_page_ids(self.town.source.id)
        shown = [space.read_cells(page)["Image status"] for page in pages]
        assert shown.count("Waiting for approval") <= 4 * 3


#: `HISTORIES=400` looks further than `make test-long` does.
_HISTORIES = int(os.environ.get("HISTORIES", examples(60)))
AnyHistory.TestCase.settings = settings(
    max_examples=_HISTORIES,
    stateful_step_count=18,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# A history takes a second, and ten on a machine with other things to do.
TestAnyHistory = pytest.mark.timeout(300 + 20 * _HISTORIES)(AnyHistory.TestCase)

"""What is measured is what happened, and the dashboard asks for what there is."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import daemon.web
from daemon.web.metrics import COUNTERS, GAUGES, HISTOGRAMS
from tests.daemon.web.visitor import PASSWORD, Visitor, inhabited

_DASHBOARD = Path(daemon.web.__file__).with_name("grafana.json")
_PAGE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


async def _read(visitor: Visitor) -> dict[tuple[str, ...], float]:
    """Return every sample, by its name and the values of its labels, sorted."""
    page = await visitor.see("/metrics")
    assert page.status == 200
    return {
        (
            sample.name,
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


async def test_what_happened_is_counted_once(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        before = await _read(visitor)
        assert before["postbrush_jobs_ended_total", "done"] == 0
        home.hub.credits = 1
        home.add("One")
        await home.live()
        home.add("Two")
        await home.live()
        for _ in range(2):
            now = await _read(visitor)
            assert now["postbrush_jobs_ended_total", "done"] == 2
            assert now["postbrush_attempts_total", "image", "flux"] == 1
            assert now["postbrush_attempts_total", "credits", "flux"] == 1
            assert now["postbrush_attempts_total", "image", "freeapi"] == 1
            assert now["postbrush_step_seconds_count", "generating"] == 2
            assert now["postbrush_attempt_seconds_count", "flux"] == 2
        assert now["postbrush_breaker_state", "flux", "open"] == 1
        assert now["postbrush_breaker_state", "freeapi", "closed"] == 1
        assert now["postbrush_month_included_dollars", "flux"] > 0
        assert now["postbrush_notion_requests_total", "answered"] > 6
        assert now["postbrush_notion_up",] == 1
        assert now["process_resident_memory_bytes",] > 10**7


async def test_a_call_that_was_under_way_is_counted_at_its_end(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        home.add("One")
        await home.poll()
        home.clock.move(seconds=130)
        seen: list[dict[tuple[str, ...], float]] = []
        sleep = home.hub.sleep

        async def look(seconds: float) -> None:
            seen.append(await _read(visitor))
            await sleep(seconds)

        home.hub.sleep = look
        await home.poll()
        await home.work()
        assert seen[0]["postbrush_attempts_open", "flux"] == 1
        assert ("postbrush_attempts_total", "image", "flux") not in seen[0]
        assert seen[0]["postbrush_jobs", "generating"] == 1
        after = await _read(visitor)
        assert after["postbrush_attempts_open", "flux"] == 0
        assert after["postbrush_attempts_total", "image", "flux"] == 1


async def test_the_dashboard_asks_for_what_there_is(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        home.add()
        await home.live()
        known = {name for name, *_ in await _read(visitor)}
    board = json.loads(_DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {
        name
        for expr in asked
        for name in re.findall(r"\b(?:postbrush|process)_[a-z_]+", expr)
    }
    assert len(used) > 12
    assert used <= known
    labels = re.findall(r"by \(([a-z, ]+)\)", " ".join(asked))
    of_ours = {
        label for _, _, *some in (*GAUGES, *COUNTERS, *HISTOGRAMS) for label in some
    }
    assert {one for some in labels for one in some.split(", ")} <= of_ours | {"le"}


async def test_strangers_read_nothing_and_prometheus_says_the_password(
    tmp_path: Path,
) -> None:
    async with inhabited(tmp_path, password=PASSWORD) as (_, visitor):
        refused = await visitor.see("/metrics")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic")
        for said, status in (("wrong one", 401), (PASSWORD, 200)):
            basic = base64.b64encode(f"prometheus:{said}".encode()).decode()
            page = await visitor.see("/metrics", Authorization=f"Basic {basic}")
            assert page.status == status


def test_the_docs_name_every_metric() -> None:
    text = _PAGE.read_text()
    for name, *_ in (*GAUGES, *COUNTERS, *HISTOGRAMS):
        assert f"`{name}`" in text, name

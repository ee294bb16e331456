"""What a person is told: changes, each once, and an end only of what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daemon.service.alerts import AWAY, PAUSE, PROBLEMS, AlertRules, Message
from daemon.service.log import LogLine

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUDGETS = ("budget.near", "budget.reached")


def line(event: str, level: str = "warning", **fields: object) -> LogLine:
    return LogLine(level, event, f"words of {event}", fields, "")


OPENED = line("breaker.opened", provider="flux", reason="credits")
CLOSED = line("breaker.closed", "info", provider="flux")
AWAY_LINE = line("poll.failed", reason="away")
REFUSED = line("poll.failed", "error", reason="refused")
RECOVERED = line("poll.recovered", "info")


def test_credits_out_are_told_once_and_so_is_their_return() -> None:
    alerts = AlertRules()
    out = alerts.handle_line(OPENED, NOW)
    again = alerts.handle_line(OPENED, NOW + 24 * 60 * MINUTE)
    back = alerts.handle_line(CLOSED, NOW + 48 * 60 * MINUTE)
    twice = alerts.handle_line(CLOSED, NOW + 48 * 60 * MINUTE)
    assert out == Message(
        title="flux is out of credits",
        body="words of breaker.opened",
        level="warning",
    )
    assert back == Message(
        title="flux is available again", body="words of breaker.closed", level="success"
    )
    assert (again, twice) == (None, None)


def test_services_are_told_by_their_labels() -> None:
    alerts = AlertRules(labels={"flux": "Hugging Face FLUX", "writer:flux": "Hub"})
    text = "flux: out of credits; meanwhile postbrush uses flux (prompt writer)"
    fields = {"provider": "flux", "reason": "credits"}
    out = alerts.handle_line(
        LogLine("warning", "breaker.opened", text, fields, ""), NOW
    )
    assert out == Message(
        title="Hugging Face FLUX is out of credits",
        body="Hugging Face FLUX: out of credits; meanwhile postbrush uses Hub (prompt "
        "writer)",
        level="warning",
    )
    spent = "$5.00 of the $5.00 for flux's own month have been spent"
    own = LogLine("warning", "budget.reached", spent, {"budget": "service flux"}, "")
    assert (full := alerts.handle_line(own, NOW)) is not None
    assert full.body == spent.replace("flux", "Hugging Face FLUX")


def test_a_prompt_writer_without_credits_is_no_news() -> None:
    alerts = AlertRules()
    out = line("breaker.opened", provider="writer:flux", reason="credits")
    back = line("breaker.closed", "info", provider="writer:flux")
    assert (alerts.handle_line(out, NOW), alerts.handle_line(back, NOW)) == (None, None)


def test_what_needs_a_person_is_loud() -> None:
    message = AlertRules().handle_line(
        line("breaker.opened", "error", provider="fal", reason="unauthorized"), NOW
    )
    assert message is not None
    assert (message.title, message.level) == ("fal rejects its token", "failure")


@pytest.mark.parametrize("reason", ["loading", "rate_limited", "unavailable"])
def test_a_short_rest_is_nobodys_business(reason: str) -> None:
    alerts = AlertRules()
    rests = line("breaker.opened", provider="flux", reason=reason)
    assert alerts.handle_line(rests, NOW) is None
    assert alerts.handle_line(CLOSED, NOW) is None


def test_after_a_restart_the_return_of_what_was_told_before_is_told() -> None:
    alerts = AlertRules()
    alerts.mark_as_announced("credits", "flux")
    alerts.mark_as_announced("loading", "localai")
    assert alerts.handle_line(OPENED, NOW) is None
    assert alerts.handle_line(CLOSED, NOW) is not None
    assert alerts.handle_line(line("breaker.closed", provider="localai"), NOW) is None


def test_notion_is_away_after_an_hour_and_not_before() -> None:
    alerts = AlertRules()
    assert alerts.handle_line(AWAY_LINE, NOW) is None
    assert alerts.next_due_message(NOW + AWAY - MINUTE) is None
    told = alerts.next_due_message(NOW + AWAY)
    assert told is not None
    assert (told.title, told.body) == (
        "Notion has been unavailable for an hour",
        "words of poll.failed",
    )
    assert alerts.handle_line(AWAY_LINE, NOW + 2 * AWAY) is None
    back = alerts.handle_line(RECOVERED, NOW + 3 * AWAY)
    assert back is not None
    assert back.title == "Notion is available again"


def test_a_short_outage_and_its_end_are_not_told() -> None:
    alerts = AlertRules()
    assert alerts.handle_line(AWAY_LINE, NOW) is None
    assert alerts.handle_line(RECOVERED, NOW + AWAY - MINUTE) is None
    # The next one has an hour of its own.
    assert alerts.handle_line(AWAY_LINE, NOW + AWAY) is None
    assert alerts.next_due_message(NOW + 2 * AWAY - MINUTE) is None


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    alerts = AlertRules()
    alerts.handle_line(AWAY_LINE, NOW)
    assert alerts.handle_line(line("job.failed"), NOW) is not None
    past = NOW - timedelta(days=365)
    assert alerts.next_due_message(past) is None
    assert alerts.handle_line(line("job.failed"), past) is not None
    message = alerts.next_due_message(past + AWAY)
    assert message is not None
    assert "Notion" in message.title


def test_notion_refusing_us_is_told_at_once() -> None:
    message = AlertRules().handle_line(REFUSED, NOW)
    assert message is not None
    assert (message.title, message.level) == ("Notion denies access", "failure")


def test_failures_are_told_at_once_and_then_counted_for_an_hour() -> None:
    alerts = AlertRules()
    first = alerts.handle_line(line("job.failed"), NOW)
    later = [
        alerts.handle_line(line("job.failed"), NOW + n * MINUTE) for n in range(1, 5)
    ]
    after = alerts.next_due_message(NOW + PAUSE)
    assert first is not None
    assert first.title == "an image could not be generated"
    assert later == [None] * 4
    assert after is not None
    assert after.title == "4 images could not be generated"
    assert after.body == "The newest: words of job.failed"
    assert alerts.next_due_message(NOW + 5 * PAUSE) is None


def test_a_budget_is_told_once_a_period_and_again_in_the_next() -> None:
    alerts = AlertRules()
    november = line("budget.near", budget="month", until="2026-12-01")
    december = line("budget.near", budget="month", until="2027-01-01")
    full = line("budget.reached", budget="month", until="2026-12-01")
    message = [
        alerts.handle_line(one, NOW)
        for one in (november, november, full, full, december)
    ]
    assert [one.title if one else None for one in message] == [
        "a budget is nearly used up",
        None,
        "a budget is used up",
        None,
        "a budget is nearly used up",
    ]


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), st.integers()))
def test_no_other_event_is_told_least_of_all_our_own(
    event: str, fields: Mapping[str, object]
) -> None:
    alerts = AlertRules()
    for name in (event, "notify.failed", "notify.lost", "ping.failed", "library.log"):
        assert alerts.handle_line(LogLine("error", name, "x", fields, ""), NOW) is None


class Listening(RuleBasedStateMachine):
    """Any events in any order; `standing` is what a person has to know of."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts = AlertRules()
        self.now = NOW
        self.said: list[tuple[datetime, Message]] = []
        self.balance: Counter[str] = Counter()
        self.away_since: datetime | None = None
        self.failures = 0
        self.failures_told = 0

    def _hear(self, heard: LogLine) -> Message | None:
        message = self.alerts.handle_line(heard, self.now)
        self._note(message)
        return message

    def _note(self, found: Message | None) -> None:
        if found is None:
            return
        self.said.append((self.now, found))
        words = found.title.split()
        if "could" in words:
            self.failures_told += 1 if words[0] == "an" else int(words[0])

    @rule(seconds=st.integers(0, 8000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        while (message := self.alerts.next_due_message(self.now)) is not None:
            self._note(message)
        if self.away_since is not None and self.now - self.away_since >= AWAY:
            self.balance["away"] = 1

    @rule(
        name=st.sampled_from(["flux", "fal"]), reason=st.sampled_from([*PROBLEMS, "x"])
    )
    def rests(self, name: str, reason: str) -> None:
        message = self._hear(line("breaker.opened", provider=name, reason=reason))
        new = reason in PROBLEMS and not self.balance[f"{name} {reason}"]
        assert (message is not None) == new
        self.balance[f"{name} {reason}"] |= reason in PROBLEMS

    @rule(name=st.sampled_from(["flux", "fal"]))
    def serves(self, name: str) -> None:
        message = self._hear(line("breaker.closed", provider=name))
        known = [key for key in self.balance if key.startswith(name)]
        assert (message is not None) == any(self.balance[key] for key in known)
        for key in known:
            self.balance[key] = 0

    @rule()
    def notion_fails(self) -> None:
        self.away_since = self.away_since or self.now
        self._hear(AWAY_LINE)

    @rule()
    def notion_refuses(self) -> None:
        self.away_since = None
        message = self._hear(REFUSED)
        assert (message is not None) == (not self.balance["refused"])
        self.balance["refused"] = 1

    @rule()
    def notion_answers(self) -> None:
        self.away_since = None
        message = self._hear(RECOVERED)
        known = self.balance["away"] or self.balance["refused"]
        assert (message is not None) == bool(known)
        self.balance["away"] = self.balance["refused"] = 0

    @rule(
        events=st.sampled_from(
            [("disk.full", "disk.freed"), ("store.away", "store.back")]
        ),
        over=st.booleans(),
    )
    def cannot_be_kept(self, events: tuple[str, str], *, over: bool) -> None:
        message = self._hear(line(events[over]))
        assert (message is not None) == (bool(self.balance[events[0]]) is over)
        self.balance[events[0]] = int(not over)

    @rule(event=st.sampled_from(BUDGETS), until=st.integers(12, 13))
    def budget(self, event: str, until: int) -> None:
        message = self._hear(line(event, budget="month", until=str(until)))
        key = f"{event} until"
        assert (message is not None) == (self.balance[key] != until)
        self.balance[key] = until

    @rule()
    def a_job_fails(self) -> None:
        self.failures += 1
        self._hear(line("job.failed"))

    @rule()
    def posts_are_held(self) -> None:
        self._hear(line("poll.held"))

    @invariant()
    def what_comes_in_numbers_comes_once_an_hour(self) -> None:
        for words in ("could not be generated", "posts are waiting", "for an hour"):
            times = [time for time, one in self.said if words in one.title]
            gaps = [b - a for a, b in pairwise(times)]
            assert all(gap >= PAUSE for gap in gaps)

    def teardown(self) -> None:
        """No failure is forgotten, only told later."""
        self.time_passes(8000)
        assert self.failures == self.failures_told
        assert self.alerts.next_due_message(self.now) is None


TestListening = Listening.TestCase

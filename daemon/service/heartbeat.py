"""Deadlines of the daemon's loops for the systemd watchdog.

The daemon notifies the watchdog while no loop has missed its deadline.  Times are
seconds of a monotonic clock that stops while the machine sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class WatchdogDeadlines:
    """The deadlines of one process.

    Attributes:
        monotonic: Returns seconds.
    """

    monotonic: Callable[[], float]
    _until: dict[str, float] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)
    _excused: dict[str, float] = field(default_factory=dict)

    def set_deadline(self, name: str, seconds: float) -> None:
        """Expect progress of *name* within *seconds*, counted after any extension."""
        start = max(self.monotonic(), self._excused.get(name, 0.0))
        self._until[name] = start + seconds
        self._seconds[name] = seconds

    def extend_deadline(self, name: str, seconds: float) -> None:
        """Let the deadline of *name* count from *seconds* later, while it must wait."""
        wait_end = max(self.monotonic() + seconds, self._excused.get(name, 0.0))
        self._excused[name] = wait_end
        if name in self._until:
            # The work of the deadline is still to do after the wait.
            self._until[name] = max(self._until[name], wait_end + self._seconds[name])

    @contextmanager
    def deadline_during(self, name: str, seconds: float) -> Iterator[None]:
        """Set a deadline for the time of a context, and remove it afterwards."""
        self.set_deadline(name, seconds)
        try:
            yield
        finally:
            self._until.pop(name, None)

    def missed_deadlines(self) -> list[str]:
        """Return the names with a missed deadline."""
        now = self.monotonic()
        return sorted(name for name, until in self._until.items() if now > until)

"""Progress as promises: each loop says until when it will be heard of again.

The watchdog is fed while every promise is kept.  Seconds are of a clock that only
grows and stands still while the machine sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class WatchdogDeadlines:
    """The promises of one process.

    Attributes:
        monotonic: Seconds.
    """

    monotonic: Callable[[], float]
    _until: dict[str, float] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)
    _excused: dict[str, float] = field(default_factory=dict)

    def set_deadline(self, name: str, seconds: float) -> None:
        """*name* will be heard of again within *seconds*, once it need not wait."""
        begins = max(self.monotonic(), self._excused.get(name, 0.0))
        self._until[name] = begins + seconds
        self._seconds[name] = seconds

    def extend_deadline(self, name: str, seconds: float) -> None:
        """*name* is told to wait: what it promises counts from the end of that."""
        ends = max(self.monotonic() + seconds, self._excused.get(name, 0.0))
        self._excused[name] = ends
        if name in self._until:
            # After the wait, there is still to be done what it has promised.
            self._until[name] = max(self._until[name], ends + self._seconds[name])

    @contextmanager
    def deadline_during(self, name: str, seconds: float) -> Iterator[None]:
        """What is done here takes at most *seconds*, and promises nothing after it."""
        self.set_deadline(name, seconds)
        try:
            yield
        finally:
            self._until.pop(name, None)

    def missed_deadlines(self) -> list[str]:
        """Return who has broken a promise."""
        now = self.monotonic()
        return sorted(name for name, until in self._until.items() if now > until)

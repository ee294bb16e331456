"""Progress as promises: each loop says until when it will be heard of again.

The watchdog is fed while every promise is kept.  Seconds are of a clock that only
grows and stands still while the machine sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """The promises of one process.

    Attributes:
        monotonic: Seconds.
    """

    monotonic: Callable[[], float]
    _until: dict[str, float] = field(default_factory=dict)

    def promise(self, name: str, seconds: float) -> None:
        """*name* will be heard of again within *seconds*."""
        self._until[name] = self.monotonic() + seconds

    def extend(self, name: str, seconds: float) -> None:
        """*name* was told to wait: it has so much longer, if it promised anything."""
        if name in self._until:
            longer = self.monotonic() + seconds
            self._until[name] = max(self._until[name], longer)

    @contextmanager
    def during(self, name: str, seconds: float) -> Iterator[None]:
        """What is done here takes at most *seconds*, and promises nothing after it."""
        self.promise(name, seconds)
        try:
            yield
        finally:
            self._until.pop(name, None)

    def stuck(self) -> list[str]:
        """Return who has broken a promise."""
        now = self.monotonic()
        return sorted(name for name, until in self._until.items() if now > until)

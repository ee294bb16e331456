"""The outside at its worst, on demand, and a record of every request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request as an observer outside sees it."""

    method: str
    path: str
    status: int
    at: datetime
    body: Any = None

    @property
    def is_write(self) -> bool:
        """It changes something, or announces a file."""
        is_read = self.path.endswith("/query") or self.path.endswith("/search")
        return self.method in {"POST", "PATCH", "PUT", "DELETE"} and not is_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next matching request.

    Attributes:
        match: A part of "METHOD /path".
        after: The work is done, and then its answer is lost or spoilt.
        drop: The connection is closed without an answer.
        html: A page instead of JSON, as a proxy answers.
        body: JSON instead of the right one.
        chosen: Whether a matching request is meant, by its path and what it holds.
    """

    match: str
    status: int = 500
    after: bool = False
    drop: bool = False
    html: bool = False
    retry_after: int | None = None
    delay: float = 0.0
    body: Any = None
    chosen: Callable[[str, str], bool] = lambda _path, _about: True

    def applies_to(self, method: str, path: str, about: str) -> bool:
        """Say whether a request is to meet it."""
        return self.match in f"{method} {path}" and self.chosen(path, about)


@dataclass(slots=True)
class FaultQueue:
    """Faults in the order in which they were ordered.

    Attributes:
        lasting: Those that are met until somebody takes them away.
    """

    waiting: deque[Fault] = field(default_factory=deque)
    lasting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault, times: int | None) -> None:
        """Order *fault* for the next *times* matching requests; None: for all."""
        if times is None:
            self.lasting.append(fault)
        else:
            self.waiting.extend([fault] * times)

    def pop_match(self, method: str, path: str, about: str = "") -> Fault | None:
        """Return the first fault that matches, and strike it off.

        Args:
            about: What the request holds: a file's name, say.
        """
        for fault in self.waiting:
            if fault.applies_to(method, path, about):
                self.waiting.remove(fault)
                return fault
        lasting = (one for one in self.lasting if one.applies_to(method, path, about))
        return next(lasting, None)

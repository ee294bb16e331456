"""Faults to inject into responses, and the record of a request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request and the status of its response; 0 if the connection was dropped."""

    method: str
    path: str
    status: int
    at: datetime
    body: Any = None

    @property
    def is_write(self) -> bool:
        """Whether the request changes something or creates a file upload."""
        is_read = self.path.endswith("/query") or self.path.endswith("/search")
        return self.method in {"POST", "PATCH", "PUT", "DELETE"} and not is_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of the response to a matching request.

    Attributes:
        match: A part of "METHOD /path".
        status: HTTP status of the response.
        after: The request is carried out before the response is replaced.
        drop: The connection is closed without a response.
        html: The response is an HTML page, as from a proxy.
        retry_after: Seconds for the Retry-After header; None for no header.
        delay: Seconds before the request is handled.
        body: JSON, or bytes, to respond with.
        chosen: Called with the path and the content of a request that matches; returns
            whether the fault applies.
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
        """Return whether the fault applies to a request; see `FaultQueue.pop_match`."""
        return self.match in f"{method} {path}" and self.chosen(path, about)


@dataclass(slots=True)
class FaultQueue:
    """Injected faults, oldest first.

    Attributes:
        waiting: Faults that apply to one request each.
        lasting: Faults that apply to every matching request until they are removed.
    """

    waiting: deque[Fault] = field(default_factory=deque)
    lasting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault, times: int | None) -> None:
        """Inject *fault* for the next *times* matching requests; None for all."""
        if times is None:
            self.lasting.append(fault)
        else:
            self.waiting.extend([fault] * times)

    def pop_match(self, method: str, path: str, about: str = "") -> Fault | None:
        """Return the first fault that applies, and remove it unless it is lasting.

        Args:
            about: Content of the request, such as the name of a file.
        """
        for fault in self.waiting:
            if fault.applies_to(method, path, about):
                self.waiting.remove(fault)
                return fault
        lasting = (f for f in self.lasting if f.applies_to(method, path, about))
        return next(lasting, None)

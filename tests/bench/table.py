"""Figures, the bars they are held to, and the table of both."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured.

    Attributes:
        figure: In *unit*.
        reference: The same by what it is compared with, in the same run; None: a
            count, which needs none.
        against: What the reference is, in a few words.
        most: The bar, of the ratio when there is a reference, else of the figure.
        least: The same, for what should be large.
        note: Where the time goes, and the like.
    """

    what: str
    figure: float
    unit: str
    reference: float | None = None
    against: str = ""
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.figure / self.reference if self.reference else None

    @property
    def holds(self) -> bool | None:
        """Say whether it is within its bar; None: it has none."""
        if self.most is None and self.least is None:
            return None
        held = self.figure if self.ratio is None else self.ratio
        return (self.most is None or held <= self.most) and (
            self.least is None or held >= self.least
        )

    @property
    def bar(self) -> str:
        unit = self.unit if self.ratio is None else "x"
        if self.most is not None:
            return f"<= {_short(self.most, unit)}"
        return f">= {_short(self.least, unit)}" if self.least is not None else ""

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "FALLS SHORT", None: ""}[self.holds]


def show(figures: Iterable[Figure], console: Console) -> None:
    """Print one table, and what is noted beside a figure under it."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("measured")
    for name in ("bar", "figure", "reference", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    notes: list[str] = []
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        mark = ""
        if one.note:
            notes.append(one.note)
            mark = f" [{len(notes)}]"
        against = f", against {one.against}" if one.against else ""
        table.add_row(
            f"{one.what}{against}{mark}".replace("[", r"\["),
            one.bar,
            _short(one.figure, one.unit),
            "" if one.reference is None else _short(one.reference, one.unit),
            ratio,
            f"[bold red]{one.verdict}" if one.holds is False else one.verdict,
        )
    console.print(table)
    for number, note in enumerate(notes, 1):
        console.print(f"  [{number}] {note}", markup=False, highlight=False)


def as_json(figures: Iterable[Figure], now: datetime) -> str:
    """Return a record of a run: the machine, the time, each figure."""
    record = {
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "figures": [
            asdict(one) | {"ratio": one.ratio, "holds": one.holds} for one in figures
        ],
    }
    return json.dumps(record, indent=1)


def _short(number: float, unit: str) -> str:
    text = (
        f"{number:,.0f}" if abs(number) >= 100 or number % 1 == 0 else f"{number:.3g}"
    )
    return f"{text} {unit}".strip()

"""What the commands print: data as JSON, or tables and lines for people."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon import formatting
from daemon.places import address_commands

_Shape = TypeVar("_Shape")


class _ReaderConsole(Console):
    """A console whose texts name commands as the reader has to type them."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - Rich's
        texts = [
            address_commands(value) if isinstance(value, str) else value
            for value in objects
        ]
        super().print(*texts, **options)


def extend_record(shape: type[_Shape], record: Any, **more: object) -> _Shape:  # noqa: ANN401 - of any class
    """Return a *shape*, a subclass of the record's class with *more* fields."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return shape(**values, **more)


def make_console() -> Console:
    """Return a console as wide as the terminal, or 160 columns without one."""
    return _ReaderConsole(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_result(
    data: object, *, json: bool, human: str | Table | Callable[[Console], None]
) -> None:
    """Print *data* as JSON, or *human* for people; a function prints its own lines."""
    if json:
        text = json_module.dumps(
            data, indent=2, default=_to_json_value, ensure_ascii=False
        )
        print(text)  # noqa: T201 - the command's output
    elif callable(human):
        human(make_console())
    else:
        make_console().print(human, markup=False)


def _to_json_value(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def print_unwrapped(out: Console, line: str) -> None:
    """Print a line that the terminal may wrap, for addresses and paths to copy."""
    out.print(line, markup=False, soft_wrap=True)


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without borders; cells are not parsed as Rich markup."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(*[Text(address_commands(str(cell))) for cell in row])
    return table


def format_time(time: datetime | None, zone: tzinfo) -> str:
    """Return *time* as "03 Nov 10:15:03" in *zone*; "" for None."""
    return formatting.format_time(time, zone, seconds=True, padded=True) if time else ""

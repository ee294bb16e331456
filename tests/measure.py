"""`make measure`: the size and the shape of the code, beside the bars of issue 18.

Every line of every `.py` file under `daemon/`, `providers/` and `db/` counts.  The
length of a function is its lines from `def` to the last, nested functions included,
without its docstring.  A one-word name has no underscore but leading or trailing ones.
A public function stands in a module, a public method in a public class; neither begins
with an underscore.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.bench.table import Figure

ROOT = Path(__file__).resolve().parent.parent
OURS = ("daemon", "providers", "db")
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _Module:
    lines: int
    tree: ast.Module

    @property
    def functions(self) -> Iterator[_Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, _Function):
                yield node

    @property
    def public_classes(self) -> Iterator[ast.ClassDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node


def measure_tree(root: Path = ROOT) -> list[Figure]:
    """Return the figures of the code under *root*, with the bar of each."""
    files = [path for name in OURS for path in sorted((root / name).rglob("*.py"))]
    modules = [_read_module(path) for path in files]
    functions = [one for module in modules for one in module.functions]
    lengths = sorted(_length_of(one) for one in functions)
    words = [one.name.strip("_") for one in functions if not _is_special(one)]
    one_word = sum("_" not in name for name in words) / len(words)
    classes = [one for module in modules for one in module.public_classes]
    repeated = sum(n > 1 for n in Counter(one.name for one in classes).values())
    return [
        _count("lines", sum(module.lines for module in modules), 26_500),
        _count("modules", len(modules), 195),
        _count("lines of the longest module", max(one.lines for one in modules), 300),
        _count("functions", len(functions), None),
        _count("lines of a function, median", statistics.median(lengths), 7),
        _count("lines of a function, p90", lengths[len(lengths) * 9 // 10], 22),
        Figure(
            what="functions with a one-word name",
            figure=round(100 * one_word, 1),
            unit="%",
            most=40,
        ),
        _count("names that several public classes have", repeated, 0),
        _count(
            "public functions without a docstring",
            _count_undocumented([module.tree for module in modules]),
            0,
        ),
        _count("public methods without a docstring", _count_undocumented(classes), 0),
    ]


def _read_module(path: Path) -> _Module:
    text = path.read_text()
    return _Module(lines=len(text.splitlines()), tree=ast.parse(text))


def _length_of(function: _Function) -> int:
    length = _lines_of(function)
    if ast.get_docstring(function, clean=False) is None:
        return length
    return length - _lines_of(function.body[0])


def _lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_special(function: _Function) -> bool:
    return function.name.startswith("__") and function.name.endswith("__")


def _count_undocumented(owners: Sequence[ast.Module | ast.ClassDef]) -> int:
    """Count the public functions of these modules or classes without a docstring."""
    return sum(
        isinstance(node, _Function)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
        for owner in owners
        for node in owner.body
    )


def _count(what: str, figure: float, most: float | None) -> Figure:
    return Figure(what=what, figure=figure, unit="", most=most)


def main() -> None:
    """Print the table; a bar that does not hold is marked, and is no error."""
    for one in measure_tree():
        row = f"{one.what:<40}{one.figure:>9,g} {one.unit:<3}{one.bar:<12}{one.verdict}"
        sys.stdout.write(f"{row.rstrip()}\n")


if __name__ == "__main__":
    main()

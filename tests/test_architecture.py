"""`docs/architecture.md` says what the tree is."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.measure import measure_tree
from tests.trace import trace_post

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
#: Twice the class `Shop`; `sell_bread` is not documented, neither is `close`.
_MEASURED = {
    "daemon/a.py": '''class Shop:
    """A shop."""

    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

def open_shop() -> Shop:
    """Open one."""
    return Shop()
''',
    "db/b.py": "class Shop: ...\nasync def sell_bread():\n    return (\n    1)\n",
}
_PATH = r"(?:daemon|providers|db|migrations|tests)(?:/\w+)*"


def _trace_block() -> str:
    return PAGE.partition("## The trace of a post")[2].split("```")[1]


def _layers() -> list[str]:
    """Return the layers of the daemon as paths, top to bottom."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = [
        one
        for one in project["tool"]["importlinter"]["contracts"]
        if "daemon.cli" in one.get("layers", ())
    ]
    return [layer.replace(".", "/") for layer in contract["layers"]]


@functools.cache
def _names_in(file: str) -> frozenset[str]:
    """Return the functions, classes and methods of a module: `f`, `C`, `C.m`."""
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(found)


def test_every_file_and_folder_that_is_named_exists() -> None:
    named = re.findall(rf"`({_PATH}(?:\.py|/))", PAGE)
    assert len(named) > 50
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_every_function_that_is_named_exists() -> None:
    named = re.findall(rf"`({_PATH}\.py):([\w.]+)`", PAGE)
    assert len(named) > 30
    assert [one for one in named if one[1] not in _names_in(one[0])] == []


def test_every_folder_and_every_module_beside_them_is_in_the_table() -> None:
    table = PAGE.partition("## The folders")[2].partition("\n## ")[0]
    folders = {
        f"{path.parent.relative_to(ROOT)}/"
        for top in ("daemon", "providers", "db")
        for path in (ROOT / top).rglob("*.py")
    }
    folders |= {str(one.relative_to(ROOT)) for one in ROOT.glob("daemon/*.py")}
    # They are parts of what their parent's row says.
    within = {"daemon/", "daemon/cli/setup/"}
    within |= {"daemon/__init__.py", "daemon/__main__.py"}
    assert {one for one in folders - within if f"`{one}`" not in table} == set()


def test_the_rows_are_in_the_order_of_the_imports() -> None:
    rows = re.findall(r"^\| (`daemon/.*?`) \|", PAGE, re.MULTILINE)
    level = {
        name.strip(): number
        for number, layer in enumerate(_layers())
        for name in layer.split("|")
    }
    levels = [
        [level[name] for name in re.findall(r"`(daemon/\w+)(?:/|\.py)`", row)]
        for row in rows
    ]
    # No module of a row is above one of an earlier row.
    for above, below in pairwise(levels):
        assert max(above) <= min(below), (rows, above, below)


def test_the_modules_of_the_printed_trace_exist() -> None:
    visits = re.findall(r"^ *\d+  (\S+/) +(.+)$", _trace_block(), re.MULTILINE)
    assert visits
    for folder, names in visits:
        for name in names.split(", "):
            assert (ROOT / folder / f"{name}.py").is_file(), f"{folder}{name}"


@pytest.mark.sqlite_only
async def test_a_post_enters_no_more_modules_than_the_page_prints(
    tmp_path: Path,
) -> None:
    printed = re.search(r"^(\d+) modules in", _trace_block(), re.MULTILINE)
    assert printed is not None

    trace = await trace_post(tmp_path)

    known = set(re.findall(r"\w+", _trace_block()))
    new = [one for one in trace.modules if Path(one).stem not in known]
    assert len(trace.modules) <= int(printed[1]), f"not on the page: {new}"
    # The recorder does see: from the poll to the upload, and in threads.
    assert {
        "daemon/sync/planner.py",
        "daemon/imaging/normalize.py",
        "daemon/delivery/deliver_job.py",
    } <= set(trace.modules)


def test_the_figures_are_those_of_the_code(tmp_path: Path) -> None:
    for name, text in _MEASURED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    figures = {one.what: one.figure for one in measure_tree(tmp_path)}

    assert figures == {
        "lines": 16,
        "modules": 2,
        "lines of the longest module": 12,
        "functions": 4,
        "lines of a function, median": 2,
        "lines of a function, p90": 3,
        "functions with a one-word name": 33.3,
        "names that several public classes have": 1,
        "public functions without a docstring": 1,
        "public methods without a docstring": 1,
    }

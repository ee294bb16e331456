"""The tree shows the architecture: who imports what, and what lies where."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("daemon", "db", "migrations", "providers", "tests")
MODULES = sorted(path for name in PACKAGES for path in ROOT.glob(f"{name}/**/*.py"))
_TOP = {
    *("daemon", "providers", "db", "migrations", "images", "tests", "systemd", "docs"),
    *("pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md"),
    *("requirements.lock", ".ci", ".gitignore", "Containerfile", "compose.yaml"),
    ".dockerignore",
}
#: A library that only one module may know.
_ONLY = {
    "notion_client": {"daemon/notion/transport.py"},
    "httpx": {"daemon/notion/transport.py"},
    "apscheduler": {"daemon/schedule.py"},
    "apprise": {"daemon/service/notify.py"},
    "psycopg": {"db/instances.py"},
    "obstore": {"daemon/imaging/store/remote.py"},
    "jinja2": {"daemon/web/rendering.py"},
    "prometheus_client": {"daemon/web/metrics.py"},
    # A container asks for its health once a minute, without the settings.
    "tomllib": {"daemon/config/load.py", "daemon/cli/healthcheck.py"},
    "tomlkit": {"daemon/cli/setup/config_text.py"},
    "sqlalchemy": {
        *(str(path.relative_to(ROOT)) for path in ROOT.glob("db/*.py")),
        *(str(path.relative_to(ROOT)) for path in ROOT.glob("migrations/**/*.py")),
    },
    "PIL": {
        *(str(path.relative_to(ROOT)) for path in ROOT.glob("providers/card/*.py")),
        *(str(path.relative_to(ROOT)) for path in ROOT.glob("daemon/imaging/*.py")),
        "daemon/pretend/canvas.py",
        "daemon/pretend/scenes.py",
    },
}


def _files() -> list[Path]:
    """Return what belongs to the project; a checkout without git will do."""
    return [
        path
        for top in _TOP
        for path in (
            [ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*")
        )
        if path.is_file() and "__pycache__" not in path.parts
    ]


@functools.cache
def _import_statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in _import_statements(path):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif node.module:
            found.add(node.module)
    return found


def _names_from(path: Path, library: str) -> set[str]:
    """Return what a module imports of *library*; its whole, as the library's name."""
    found: set[str] = set()
    for node in _import_statements(path):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.startswith(library)}
        elif node.module == library:
            found |= {one.name for one in node.names}
    return found


def test_no_module_needs_scrolling() -> None:
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 300, path
        assert path.stem not in {"utils", "helpers", "common", "misc"}, path


def test_nothing_but_what_belongs_there_lies_on_top() -> None:
    made_here = re.compile(
        r"\.(git|venv.*|bench|roots|sheets|hypothesis|schema|coverage.*|.*_cache)|.*\.egg-info"
    )
    data = re.compile(
        r"postbrush\.(toml.*|db.*|lock|sock)|secrets|thumbs|wheelhouse|dist|htmlcov|.*\.log"
    )
    for path in ROOT.iterdir():
        known = path.name in _TOP or made_here.fullmatch(path.name)
        assert known or data.fullmatch(path.name), path


@pytest.mark.parametrize("library", sorted(_ONLY))
def test_a_library_has_one_door(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.parts[-2] != "tests"
        and "tests" not in path.parts
        and any(name.split(".")[0] == library for name in _imports(path))
    }
    assert users <= _ONLY[library]
    assert users


def test_only_its_own_package_speaks_http_to_services() -> None:
    for path in MODULES:
        within = str(path.relative_to(ROOT))
        if within.startswith(("tests/", "daemon/pretend/")):
            continue
        if within.startswith("daemon/web/"):
            # It serves, and asks nobody.
            assert _names_from(path, "aiohttp") <= {"web"}, path
            continue
        if any(name.split(".")[0] == "aiohttp" for name in _imports(path)):
            assert within in {
                "providers/http.py",
                "providers/runner.py",
            }


def test_the_card_is_made_without_a_network_or_a_clock() -> None:
    for path in ROOT.glob("providers/card/*.py"):
        known = {name.split(".")[0] for name in _imports(path)}
        assert not known & {"aiohttp", "socket", "time", "httpx"}, path


@pytest.mark.parametrize(
    ("lock", "library"),
    [
        ("daemon/service/notify.lock", "apprise"),
        ("db/postgres.lock", "psycopg"),
        ("daemon/imaging/store/s3.lock", "obstore"),
    ],
)
def test_what_an_extra_needs_fits_what_is_installed_already(
    lock: str, library: str
) -> None:
    def pins(name: str) -> dict[str, str]:
        found = re.findall(
            r"^([a-z0-9-]+)(?:\[\w+\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE
        )
        return dict(found)

    more, main = pins(lock), pins("requirements.lock")
    assert library in more
    assert library not in main
    for name in more.keys() & main.keys():
        assert more[name] == main[name], name
    for name, version in more.items():
        assert pins("tests/requirements.lock").get(name, version) == version, name


def test_no_file_names_a_package_registry_or_this_machine() -> None:
    wrong = re.compile(r"p[y]pi\.org|p[y]thonhosted|/[r]oot/|/[w]ork/main")
    for path in _files():
        if path.suffix not in {".ttf", ".png"} and "images" not in path.parts:
            assert not wrong.search(path.read_text(errors="replace")), path


def test_make_repairs_the_environment_of_a_folder_that_has_moved(
    tmp_path: Path,
) -> None:
    before, after = tmp_path / "before", tmp_path / "my posts"
    before.mkdir()
    shutil.copy(ROOT / "Makefile", before)
    # Nothing is to be installed: only what `make` says and removes counts.
    make = ("make", "--no-print-directory", "help")
    venv.create(before / ".venv")
    made = f"command = python3 -m venv {before / '.venv'}\n"
    (before / ".venv" / "pyvenv.cfg").write_text(made)
    subprocess.run(make, cwd=before, check=True, capture_output=True)
    assert (before / ".venv").exists()
    before.rename(after)
    moved = subprocess.run(make, cwd=after, check=True, capture_output=True, text=True)
    assert f"this folder was {before} before: making .venv anew" in moved.stdout
    assert not (after / ".venv").exists()


def test_the_tables_of_the_tests_name_files_that_exist() -> None:
    names = [f"/{path.relative_to(ROOT).with_suffix('')}" for path in MODULES]
    tables = (ROOT / "tests" / "README.md").read_text()
    for name in re.findall(r"`((?:\w+/)*test_\w+)", tables):
        assert any(one.endswith(f"/{name}") for one in names), name

"""A release of `make dist`, installed as pipx and uv do it, without the checkout."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from tests.systemd.conftest import copied

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

_BIN = Path(sys.executable).parent
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Installed:
    """The command, and the home of a user who has it."""

    home: Path
    environ: Mapping[str, str]

    def run(
        self, *words: str, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["postbrush", *words],  # noqa: S607 - found in its folder
            env={**self.environ, **environ},
            cwd=cwd or self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build a release from a copy, remove the copy, and install without network."""
    source = copied(tmp_path_factory.mktemp("source") / "postbrush")
    home = tmp_path_factory.mktemp("home")
    make = ["make", "--silent", f"--directory={source}", "--assume-old=.venv/test"]
    make += ["dist", f"BIN={_BIN}", "PYTHONS={}.{}".format(*sys.version_info)]
    subprocess.run(make, check=True, capture_output=True)
    dist = (source / "dist").rename(home / "dist")
    shutil.rmtree(source)
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],  # noqa: S607 - the system's
        cwd=dist,
        check=True,
    )
    [wheel] = dist.glob("*.whl")
    environ = {
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "UV_TOOL_DIR": f"{home}/tools",
        "UV_TOOL_BIN_DIR": f"{home}/bin",
    }
    install = [f"{_BIN}/uv", "tool", "install", "--quiet", f"--python={sys.executable}"]
    install += ["--offline", "--no-index", f"--find-links={dist}/wheels", str(wheel)]
    subprocess.run(install, env=environ, check=True, cwd=home)
    return Installed(home, environ)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest_asyncio.fixture(name="town")
async def _town() -> AsyncIterator[FakeServer]:
    async with FakeServer(now=utc_now) as town:
        town.workspace.requests_per_minute = None
        yield town


async def test_it_is_set_up_and_works_from_anywhere(
    installed: Installed, town: FakeServer, tmp_path: Path
) -> None:
    where = {
        "POSTBRUSH_NOTION__BASE_URL": town.url,
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": town.hf_url,
        "POSTBRUSH_POSTS__WAIT_AFTER_EDIT": "0s",
        "POSTBRUSH_WEB__LISTEN": "off",
    }
    tokens = {
        "NOTION_TOKEN": town.workspace.token,
        "HUGGINGFACE_TOKEN": town.hub.token,
    }
    said = await asyncio.to_thread(
        installed.run, "init", "--yes", cwd=tmp_path, **where, **tokens
    )
    assert said.returncode == 0, said
    assert "Start postbrush: postbrush run" in said.stdout
    config = installed.home / ".config" / "postbrush"
    assert {path.name for path in config.iterdir()} == {"postbrush.toml", "secrets"}

    page = str(
        town.workspace.add_page(town.source.id, {"Name": "A", "Post": "About rolls."})
    )
    said = await asyncio.to_thread(installed.run, "once", cwd=tmp_path, **where)
    assert said.returncode == 0, said
    assert town.workspace.read_cells(page)["Image status"] == "Done"
    data = installed.home / ".local" / "share" / "postbrush"
    assert (data / "postbrush.db").exists()
    assert len(_names(data / "images")) == 1
    assert _names(tmp_path) == []

    said = await asyncio.to_thread(installed.run, "status", cwd=Path("/"), **where)
    assert "not running (start it: postbrush run)" in said.stdout


def test_the_demo_needs_nothing(installed: Installed, tmp_path: Path) -> None:
    with subprocess.Popen(
        ["postbrush", "demo", "--port", "0"],  # noqa: S607 - found in its folder
        env=installed.environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        shown = ""
        for line in demo.stdout:
            shown += line
            if "job.done" in line:
                break
        demo.terminate()
        demo.wait(_PATIENCE)
    assert re.search(r"Open http://127\.0\.0\.1:\d+ in a browser", shown)
    assert "job.done" in shown
    assert _names(tmp_path) == []

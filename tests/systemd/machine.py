"""A Debian that really boots, in a folder: made by mmdebstrap, run by systemd-nspawn.

It shares this machine's network, so that the pretend Notion of a test is at hand.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
#: Made once a checkout; `make clean` removes it.
CACHE = ROOT / ".roots"
#: The Python that each release of Debian has.
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
_TOOLS = ("mmdebstrap", "systemd-nspawn", "nsenter")
_PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,make,procps,ca-certificates"
#: In place of the base image of the container, which no registry gives us here.
BASE = "base"
_BASE_PACKAGES = "python3,python3-venv,ca-certificates,tzdata,binutils,libfribidi0"
_BASE_HOOK = '--customize-hook=chroot "$1" python3 -m venv /usr/local'
_LEAN = ("doc", "man", "locale")
_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "xterm",
}


def missing() -> str:
    """Say what a booted machine needs and is not here, "" if nothing."""
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)}: apt install mmdebstrap systemd-container"
    return "" if os.geteuid() == 0 else "needs root, to boot a machine in a folder"


def unpacked(suite: str, folder: Path) -> Path:
    """Return the root folder of a new, bare Debian."""
    root = folder / suite
    root.mkdir()
    subprocess.run(
        ["tar", "-xf", made(suite), "-C", root, "--exclude=./dev/*"],  # noqa: S607 - the system's
        check=True,
    )
    return root


def made(suite: str) -> Path:
    """Return the archive of a bare Debian."""
    tar = CACHE / f"{suite}.tar"
    if not tar.exists():
        _make(suite, tar)
    return tar


def _our_groups() -> list[Path]:
    """Return where a systemd would keep its units, if it ran as this process."""
    top = Path("/sys/fs/cgroup")
    # cgroups(7): version 2 alone, or version 1 with or without version 2 beside it.
    mounts = {"": [top, top / "unified"], "name=systemd": [top / "systemd"]}
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return [
        mount / path.lstrip("/")
        for _, controllers, path in (line.split(":", 2) for line in lines)
        for mount in mounts.get(controllers, [])
        if (mount / "cgroup.procs").exists()
    ]


def _make(suite: str, tar: Path) -> None:
    CACHE.mkdir(exist_ok=True)
    sources = CACHE / f"{suite}.sources"
    packages, more = _PACKAGES, []
    if suite == BASE:
        suite, packages, more = "trixie", _BASE_PACKAGES, [_BASE_HOOK]
    sources.write_text(_mirror(suite))
    lean = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEAN]
    fresh = tar.with_suffix(".new.tar")
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
    command += [f"--include={packages}", *lean, *more, suite, str(fresh), str(sources)]
    subprocess.run(command, check=True)
    fresh.rename(tar)


def _mirror(suite: str) -> str:
    """Return this machine's own sources, for another release of Debian."""
    etc = Path("/etc/apt")
    found = [*etc.glob("sources.list.d/debian.sources"), etc / "sources.list"]
    text = next(path for path in found if path.exists()).read_text()
    here = re.search(r'VERSION_CODENAME="?(\w+)', Path("/etc/os-release").read_text())
    assert here is not None
    return text.replace(here.group(1), suite)


@dataclass(slots=True)
class Machine:
    """One that is on, or off.

    Attributes:
        root: Its files, as this machine sees them.
    """

    root: Path
    name: str
    binds: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _leader: str = ""
    _groups: list[Path] = field(default_factory=list)

    def boot(self) -> None:
        """Switch it on, and wait until it has started all it starts."""
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}"]
        command += [f"--machine={self.name}", "--boot", "--register=no", "--keep-unit"]
        command += ["--console=read-only"]
        command += [f"--bind-ro={ours}:{its}" for its, ours in self.binds.items()]
        command = ["sh", "-c", f'{self._enter_groups()} exec "$@"', "sh", *command]
        log = self.root.with_suffix(".log").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.close()
        until(self._is_up, 60, "it did not boot")

    def _enter_groups(self) -> str:
        """Return shell commands that give it control groups of its own.

        Two machines in ours would share "/system.slice/postbrush.service": the one
        removes it while the other starts ("unavailable resources", 219/CGROUP).
        """
        self._groups = [group / self.name for group in _our_groups()]
        for group in self._groups:
            group.mkdir(exist_ok=True)
        return "".join(f"echo $$ >{group}/cgroup.procs;" for group in self._groups)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.root.with_suffix(".log").read_text()
        children = Path(
            f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        ).read_text()
        if not children.split():
            return False
        self._leader = children.split()[0]
        state = self.run("systemctl", "is-system-running", check=False)
        return state.stdout.strip() in {"running", "degraded"}

    def off(self) -> None:
        """Switch it off, cleanly if it wants."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self._leader), signal.SIGRTMIN + 4)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        for group in self._groups:
            for folder, _, _ in os.walk(group, topdown=False):
                # What has just died there may take a moment more.
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()

    def run(
        self, *command: str, check: bool = True, given: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command there, as root.

        Raises:
            AssertionError: It failed, with all it said; after `systemctl` also with
                the journal.
        """
        done = subprocess.run(
            ["nsenter", "--target", self._leader, "--all", "--root", "--wd", *command],  # noqa: S607 - the system's
            env=_ENV,
            cwd="/",
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            check=False,
        )
        said = subprocess.CompletedProcess(
            command,
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "replace"),
        )
        if check and said.returncode != 0:
            told = f"{command}: {said.returncode}\n{said.stdout}\n{said.stderr}"
            if command[0] == "systemctl":
                asked = ("journalctl", "--no-pager", "--lines=60")
                told += f"\n{self.run(*asked, check=False).stdout}"
            raise AssertionError(told)
        return said

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run(
            "systemctl", "show", unit, f"--property={name}", "--value"
        ).stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file there."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)


if __name__ == "__main__":
    with ThreadPoolExecutor() as aside:
        list(aside.map(made, [] if missing() else [*RELEASES, BASE]))

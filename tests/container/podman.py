"""Builds and runs the container as its owner does, with Debian's podman as root.

No registry is at hand, so a Debian that mmdebstrap made has the name of the base image.
The container shares this machine's network, where the pretend Notion of a test is.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.systemd import machine

BASE = "docker.io/library/python:3.13-slim-trixie"
#: DESIGN 8a, in bytes, and what the official base image has of it (autumn 2026).
LARGEST, OFFICIAL_BASE = 250_000_000, 122_000_000
_TOOLS = ("podman", "runc")
_PATIENCE = 60.0
#: As compose.yaml has it; the limits are for machines where root may not raise them.
CLOSED = (
    *("--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=all"),
    *("--security-opt=no-new-privileges", "--ulimit=nofile=1024:1024"),
    "--ulimit=nproc=4096:4096",
)


def missing() -> str:
    """Say what a container needs and is not here, "" if nothing."""
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)}: apt install podman runc"
    return machine.missing()


@dataclass(frozen=True, slots=True)
class Podman:
    """Podman with images and containers of its own, in a folder."""

    folder: Path

    def command(self, *words: str) -> list[str]:
        """Return the command line of podman with *words*."""
        return [
            *("podman", f"--root={self.folder}/images", "--runtime=runc"),
            *(f"--runroot={self.folder}/run", f"--tmpdir={self.folder}/state"),
            *("--cgroup-manager=cgroupfs", "--log-level=fatal", *words),
        ]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman; raise an AssertionError with all it said if it fails."""
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check:
            assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    def make_base(self) -> None:
        """Give the Debian of mmdebstrap the name of the base image."""
        self.run("import", "--quiet", str(machine.made(machine.BASE)), BASE)

    def build(self, source: Path, tag: str) -> None:
        """Build the image of a checkout."""
        self.run(
            *("build", "--quiet", "--isolation=chroot", "--network=host"),
            *("--format=docker", "--pull=never", f"--tag={tag}"),
            *(f"--file={source}/Containerfile", str(source)),
        )

    def size(self, image: str) -> int:
        """Return the bytes that an image has with the official base image."""
        ours, base = (
            int(self.run("image", "inspect", "--format={{.Size}}", name).stdout)
            for name in (image, BASE)
        )
        return ours - base + OFFICIAL_BASE

    def remove_all(self) -> None:
        """Remove every container, what is mounted for it, and the images."""
        self.run("rm", "--all", "--force", "--time=0", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(slots=True)
class Container:
    """One container of an image, and its volume.

    Attributes:
        environ: Its variables.
    """

    podman: Podman
    image: str
    data: Path
    environ: dict[str, str]
    user: str = ""
    name: str = "postbrush"
    more: Sequence[str] = field(default_factory=tuple)

    def words(self, *options: str) -> list[str]:
        """Return the words of `podman run` with *options*, up to the command."""
        user = [f"--user={self.user}"] if self.user else []
        variables = [f"--env={name}={value}" for name, value in self.environ.items()]
        volume = f"--volume={self.data}:/data"
        return ["run", *CLOSED, *user, *variables, volume, *options, self.image]

    def once(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of its own, as `docker compose run --rm`."""
        return self.podman.run(*self.words("--rm"), *command, check=False)

    def up(self) -> None:
        """Start it, as `docker compose up -d`."""
        self.podman.run("rm", "--force", "--time=0", "--ignore", self.name)
        self.podman.run(*self.words("--detach", f"--name={self.name}"))

    def stop(self) -> float:
        """Stop it as `docker compose stop`; return the seconds it took."""
        began = time.monotonic()
        self.podman.run("stop", "--time=90", self.name)
        return time.monotonic() - began

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as `docker compose exec`."""
        return self.podman.run("exec", self.name, *command, check=False)

    def inspect(self, field: str) -> str:
        """Return one field of its state."""
        shown = self.podman.run("inspect", f"--format={{{{{field}}}}}", self.name)
        return shown.stdout.strip()

    def log(self) -> list[str]:
        """Return the lines it has written."""
        done = self.podman.run("logs", self.name)
        return (done.stdout + done.stderr).splitlines()

    def talk(self, *command: str, answers: Sequence[tuple[str, str]]) -> str:
        """Run a command in a terminal of its own; return what was shown.

        Args:
            answers: What to wait for, and what to type then.
        """
        ours, theirs = pty.openpty()
        words = self.podman.command(*self.words("--rm", "--tty", "--interactive"))
        with subprocess.Popen(
            [*words, *command], stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown, seen = "", 0
            screen = _read_all(ours)
            for question, answer in answers:
                while question not in shown[seen:]:
                    more = next(screen, None)
                    assert more is not None, shown
                    shown += more
                seen = shown.index(question, seen) + len(question)
                os.write(ours, f"{answer}\n".encode())
            shown += "".join(screen)
            process.wait(_PATIENCE)
        os.close(ours)
        assert process.returncode == 0, shown
        return shown


def _read_all(terminal: int) -> Iterator[str]:
    """Yield what is shown, until nobody has the terminal open any more."""
    while True:
        # Who waits for words that never come is told what was shown instead.
        if not select.select([terminal], [], [], _PATIENCE)[0]:
            return
        try:
            more = os.read(terminal, 4096)
        except OSError:
            return
        if not more:
            return
        yield more.decode(errors="replace")

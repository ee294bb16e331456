"""n8n and our own dependencies, installed once for the measurement and kept.

They are kept in .bench/, which no commit holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_KEPT = _ROOT / ".bench"
_PATIENCE = 3600
#: What would be shipped beside the dependencies.
OUR_CODE = tuple(
    _ROOT / name for name in ("daemon", "providers", "db", "migrations", "systemd")
)
VERSION: str = json.loads((_HERE / "package.json").read_text())["dependencies"]["n8n"]
#: The one address of n8n that cannot be set, where its Notion nodes ask.
_ASKS = Path("n8n-nodes-base/dist/nodes/Notion/shared/GenericFunctions.js")
_NOTION, _PRETEND = "`https://api.notion.com/v1", "`${process.env.BENCH_TRIGGER}/v1"
_QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
    "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "N8N_ENCRYPTION_KEY": "bench",
    "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false",
}


class NotHereError(Exception):
    """There is no npm, or no registry to install from."""


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of what is compared.

    Attributes:
        home: n8n's own, with one published workflow.
    """

    ours: Path
    n8n: Path
    home: Path


def places() -> Places:
    """Return what is installed; install it first when it is not.

    Raises:
        NotHereError: n8n cannot be had.
    """
    if shutil.which("npm") is None:
        raise NotHereError("n8n needs npm, and there is none")
    return Places(ours=_ours(), n8n=_n8n(), home=_home())


def command(modules: Path) -> Path:
    """Return n8n's command."""
    return modules / ".bin" / "n8n"


def environ(home: Path) -> dict[str, str]:
    """Return an environment in which n8n asks nobody but whom it is told to."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "N8N_USER_FOLDER": str(home),
        **_QUIET,
    }


def megabytes(*folders: Path) -> float:
    """Return what folders take on the disk; a file with two names once."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            for name in (*names, *files):
                one = (Path(parent) / name).lstat()
                seen[one.st_dev, one.st_ino] = one.st_blocks * 512
    return sum(seen.values()) / 1e6


def _ours() -> Path:
    lock = _ROOT / "requirements.lock"
    folder = _KEPT / f"ours-{_digest(lock)}"
    if not folder.exists():
        made = _emptied("ours.part")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes")
        _do((*pip, "--target", str(made), "-r", str(lock)), what="our dependencies")
        made.rename(folder)
    return folder


def _n8n() -> Path:
    pinned = _HERE / "package.json"
    folder = _KEPT / f"n8n-{_digest(pinned)}"
    if not folder.exists():
        print("installing n8n, once: takes minutes", file=sys.stderr)  # noqa: T201 - it is a command
        made = _emptied("n8n.part")
        shutil.copy(pinned, made)
        npm = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
        _do((*npm, "--loglevel=error"), what="n8n", folder=made)
        asks = made / "node_modules" / _ASKS
        if _NOTION not in (text := asks.read_text()):
            raise NotHereError("this n8n would ask the real Notion")
        asks.write_text(text.replace(_NOTION, _PRETEND))
        made.rename(folder)
    return folder / "node_modules"


def _home() -> Path:
    modules = _n8n()
    given = [_HERE / name for name in ("credentials.json", "workflow.json")]
    folder = _KEPT / f"home-{_digest(_HERE / 'package.json', *given)}"
    if not folder.exists():
        made = _emptied("home.part")
        for words in (
            ("import:credentials", f"--input={given[0]}"),
            ("import:workflow", f"--input={given[1]}"),
            ("publish:workflow", "--id=benchPosts"),
        ):
            _do((str(command(modules)), *words), what="n8n", environ=environ(made))
        made.rename(folder)
    return folder


def _emptied(name: str) -> Path:
    folder = _KEPT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(one.read_bytes() for one in files)).hexdigest()[:12]


def _do(
    words: Sequence[str],
    *,
    what: str,
    folder: Path | None = None,
    environ: dict[str, str] | None = None,
) -> None:
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotHereError(f"{what} took more than {_PATIENCE} s to install") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip()[-300:]
        raise NotHereError(f"{what} cannot be installed or set up: {last}")

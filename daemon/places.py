"""Where an installation has its configuration, its data and its command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import SetupError

CONFIG_NAME = "postbrush.toml"
SECRETS_NAME = "secrets"
#: Set in the image of the container, where all files are in the volume.
CONTAINER = "POSTBRUSH_CONTAINER"
_SYSTEM = Path("/etc/postbrush")
#: Where `make install` puts the program of the service.
_PROGRAMS = Path("/opt/postbrush")
#: Files in a folder by which it is the home of an installation.
_MARKS = (CONFIG_NAME, "postbrush.db", f"{SECRETS_NAME}/NOTION_TOKEN")
_COMMAND = re.compile(r"`postbrush (?=(--debug |)([A-Za-z-]+))")
#: Commands for a container that does not run, since it has no valid configuration.
_BEFORE_START = frozenset({"init", "check", "config", "migrate", "restore"})


@dataclass(slots=True)
class TypedOptions:
    """What a reader types between the program and a command, set before it runs."""

    config: str = ""


TYPED = TypedOptions()


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of a configuration (with its secrets) and of its data."""

    config: Path
    data: Path


def find_home(environ: Mapping[str, str], cwd: Path) -> Home:
    """Return the folders that are used unless a file or a variable names others."""
    config = user_folder(environ, "XDG_CONFIG_HOME", ".config")
    data = user_folder(environ, "XDG_DATA_HOME", ".local/share")
    # A container, or a process without a user's folders, such as a service.
    if CONTAINER in environ or config is None or data is None:
        return Home(cwd, cwd)
    home = Home(config / "postbrush", data / "postbrush")
    # The user's own folders have our files, too; the user's unit runs in one of them.
    if cwd.resolve() in {home.config.resolve(), home.data.resolve()}:
        return home
    # A checkout with its .venv, or a folder that has our files.
    is_program_here = Path(sys.prefix).parent == cwd
    has_files = any(_exists(cwd / mark) for mark in _MARKS)
    return Home(cwd, cwd) if is_program_here or has_files else home


def user_folder(environ: Mapping[str, str], name: str, usual: str) -> Path | None:
    """Return a folder of the XDG Base Directory Specification, None without a user."""
    named, home = Path(environ.get(name, "")), Path(environ.get("HOME", ""))
    if named.is_absolute():
        return named
    return home / usual if home.is_absolute() and home != Path("/") else None


def address_commands(text: str) -> str:
    """Return *text* with each `postbrush COMMAND` in it as its reader has to type it.

    Messages name commands in one form; this is called where they are shown.
    """
    return _COMMAND.sub(lambda found: f"`{typed_program(found[2], os.environ)} ", text)


def remember_config(path: Path | None, environ: Mapping[str, str]) -> None:
    """Let messages name commands with `--config`, unless they find the file without."""
    TYPED.config = ""
    if path is None:
        return
    try:
        cwd = Path.cwd()
        is_found = find_config(None, environ, cwd) == cwd / path
    # The folder no longer exists, or may not be read; the command says so.
    except (OSError, SetupError):
        return
    if not is_found:
        TYPED.config = f" --config {shlex.quote(str(path))}"


def typed_program(command: str, environ: Mapping[str, str]) -> str:
    """Return what stands in front of *command*, such as "sudo postbrush"."""
    if CONTAINER in environ:
        if command in _BEFORE_START:
            return "docker compose run --rm postbrush"
        return "docker compose exec postbrush postbrush"
    if Path(sys.prefix).is_relative_to(_PROGRAMS):
        return "sudo postbrush"
    options = "" if command.startswith("-") or command == "demo" else TYPED.config
    # `python -m daemon` has the command beside its Python.
    program = Path(sys.argv[0])
    if program.name != "postbrush":
        program = Path(sys.prefix) / "bin" / "postbrush"
    found = shutil.which("postbrush", path=environ.get("PATH"))
    if found and Path(found).resolve() == program.resolve():
        return f"postbrush{options}"
    return f"{shlex.quote(str(program))}{options}"


def is_of_service(file: Path) -> bool:
    """Return whether a configuration is the service's, which `make install` adds."""
    return file.is_relative_to("/etc")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        raise SetupError(
            f"{path.parent} cannot be read. Run postbrush as its owner, or make the "
            f"user that runs postbrush ({os.getuid()}:{os.getgid()}) its owner"
        ) from None


def find_config(
    path: Path | None, environ: Mapping[str, str], cwd: Path
) -> Path | None:
    """Return the configuration file, None if there is none.

    Args:
        path: `--config`, which need not exist, as $POSTBRUSH_CONFIG need not.
    """
    if named := path or environ.get("POSTBRUSH_CONFIG"):
        return cwd / named
    folders = (cwd, find_home(environ, cwd).config, _SYSTEM)
    places = (folder / CONFIG_NAME for folder in folders)
    return next((place for place in places if _exists(place)), None)

"""The variables of the service's unit, for `sudo postbrush init`.

The wizard writes files that only root may write, so it does not run in the unit, but
the owner's proxy and certificates hold for it, too.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SHOW = ("systemctl", "show", "postbrush.service")
_PROPERTIES = ("--property=Environment", "--property=EnvironmentFiles")


def read_unit_environment() -> dict[str, str]:
    """Return the variables of the unit; none where systemd does not answer."""
    try:
        shown = subprocess.run(  # noqa: S603 - a constant command
            [*_SHOW, *_PROPERTIES], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(_parse_properties(shown))


def _parse_properties(shown: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of Environment=, then those of each EnvironmentFile=."""
    files = []
    for line in shown.splitlines():
        name, _, value = line.partition("=")
        if name == "Environment":
            yield from _parse_variables(value)
        elif name == "EnvironmentFiles":
            files.append(value.rpartition(" (ignore_errors=")[0])
    for file in files:
        with suppress(OSError, UnicodeDecodeError):
            for line in Path(file).read_text().splitlines():
                yield from _parse_variables(line)


def _parse_variables(text: str) -> Iterator[tuple[str, str]]:
    try:
        words = shlex.split(text, comments=text.startswith("#"))
    # The owner's line is not valid; systemd logs it.
    except ValueError:
        return
    for word in words:
        name, separator, value = word.partition("=")
        if separator:
            yield name, value

"""Addresses that are secrets: of notifiers (Apprise) and of the ping.

Tokens stand anywhere in them, as user, host or path, so each is a secret as a whole
and so are its parts that look like one.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from daemon.config.secret import NOTIFY, Secrets

if TYPE_CHECKING:
    from daemon.config.model import Options

MISSING = (
    "Apprise, which sends notifications, is not installed: run `make notify` here (for "
    "the service: `sudo make install NOTIFY=1`), or install it into postbrush's "
    "environment with `python -m pip install apprise`"
)
_BETWEEN = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_HOST = re.compile(r"localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|\[[0-9a-f:]+\]")
_SHORTEST = 6
#: A word this long is no word that is said elsewhere.
_LONG = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierAddress:
    """One notifier.

    Attributes:
        place: Where it was written, as it may be said: "notify.urls no. 2 (ntfy)".
    """

    place: str
    url: SecretStr


def split_addresses(text: str) -> list[str]:
    """Return the addresses of a text, between commas, spaces or lines."""
    return [one for one in _BETWEEN.split(text.strip()) if one]


def is_address(text: str) -> bool:
    """Say whether this can be an address at all; Apprise knows the rest."""
    return _ADDRESS.fullmatch(text) is not None


def collect_notifiers(
    urls: Iterable[SecretStr], secrets: Secrets
) -> list[NotifierAddress]:
    """Return every notifier, each once: those of the file, then the variable's."""
    written = [("notify.urls", [one.get_secret_value() for one in urls])]
    written.append((NOTIFY[0], split_addresses(secrets.first_value(NOTIFY) or "")))
    found: dict[str, NotifierAddress] = {}
    for source, several in written:
        for number, url in enumerate(several, 1):
            place = f"{source} no. {number} ({url.partition('://')[0]})"
            found.setdefault(url, NotifierAddress(place=place, url=SecretStr(url)))
    return list(found.values())


def host_of(address: str) -> str:
    """Return what may be said of a web address: its host."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def secret_parts(address: str) -> Iterator[str]:
    """Yield what the log must not say of an address, the whole of it first."""
    yield address
    rest = address.partition("://")[2]
    login, at, _ = rest.split("/", maxsplit=1)[0].rpartition("@")
    # A password is one, however it looks.
    if at:
        yield from _url_spellings(login.partition(":")[2])
    for part in re.split(r"[/?&=@:#,]", rest):
        if _looks_secret(part):
            yield from _url_spellings(part)


def _url_spellings(part: str) -> set[str]:
    return {part, unquote(part)}


def _looks_secret(part: str) -> bool:
    if len(part) < _SHORTEST or _HOST.fullmatch(part):
        return False
    return len(part) >= _LONG or re.search(r"[A-Z0-9%]", part) is not None


def notifier_secrets(options: Options, secrets: Secrets) -> list[SecretStr]:
    """Return all that is secret in `[notify]` and its variable."""
    known = [one.url for one in collect_notifiers(options.notify.urls, secrets)]
    parts = [
        part
        for one in [*known, options.notify.ping]
        for part in secret_parts(one.get_secret_value())
    ]
    return [SecretStr(part) for part in parts if part]


def check_notifiers(
    options: Options, secrets: Secrets, *, installed: bool
) -> Iterator[str]:
    """Yield what is wrong with the notifiers.

    Args:
        installed: Whether Apprise is.
    """
    several = split_addresses(secrets.first_value(NOTIFY) or "")
    for number, url in enumerate(several, 1):
        if not is_address(url):
            yield f"{NOTIFY[0]}: no. {number} is no address such as ntfy://ntfy.sh/topic"
    if not installed and collect_notifiers(options.notify.urls, secrets):
        where = NOTIFY[0] if not options.notify.urls else "notify.urls"
        yield f"{where}: {MISSING}"


def is_installed() -> bool:
    """Say whether Apprise can be imported, without doing so: that takes a while."""
    return importlib.util.find_spec("apprise") is not None

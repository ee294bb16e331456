"""Secret addresses: of notifiers (Apprise) and of the ping.

The user, the host and the path of an address may contain a token.  The whole address
is therefore secret, and so is each part that looks like a token.
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
#: A part of this length is secret in any case; ordinary words are shorter.
_LONG = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierAddress:
    """One notifier.

    Attributes:
        place: Its origin without secrets, such as "notify.urls no. 2 (ntfy)".
    """

    place: str
    url: SecretStr


def split_addresses(text: str) -> list[str]:
    """Return the addresses of a text, separated by commas or white space."""
    return [address for address in _BETWEEN.split(text.strip()) if address]


def is_address(text: str) -> bool:
    """Return whether a text has the form of an address; Apprise checks the rest."""
    return _ADDRESS.fullmatch(text) is not None


def collect_notifiers(
    urls: Iterable[SecretStr], secrets: Secrets
) -> list[NotifierAddress]:
    """Return each notifier once: those of the file, then those of the variable."""
    by_origin = {
        "notify.urls": [url.get_secret_value() for url in urls],
        NOTIFY[0]: split_addresses(secrets.first_value(NOTIFY) or ""),
    }
    notifiers: dict[str, NotifierAddress] = {}
    for origin, addresses in by_origin.items():
        for number, url in enumerate(addresses, 1):
            place = f"{origin} no. {number} ({url.partition('://')[0]})"
            notifiers.setdefault(url, NotifierAddress(place=place, url=SecretStr(url)))
    return list(notifiers.values())


def host_of(address: str) -> str:
    """Return the host of a web address, which is not secret; "" if it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def secret_parts(address: str) -> Iterator[str]:
    """Yield the secret texts of an address, the whole address first."""
    yield address
    rest = address.partition("://")[2]
    login, at, _ = rest.split("/", maxsplit=1)[0].rpartition("@")
    # A password is secret, even if it looks like an ordinary word.
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
    """Return every secret text in `[notify]` and its variable."""
    notifiers = collect_notifiers(options.notify.urls, secrets)
    parts = [
        part
        for url in [*(notifier.url for notifier in notifiers), options.notify.ping]
        for part in secret_parts(url.get_secret_value())
    ]
    return [SecretStr(part) for part in parts if part]


def check_notifiers(
    options: Options, secrets: Secrets, *, installed: bool
) -> Iterator[str]:
    """Yield the problems of the notifiers.

    Args:
        installed: Whether Apprise is installed.
    """
    addresses = split_addresses(secrets.first_value(NOTIFY) or "")
    for number, url in enumerate(addresses, 1):
        if not is_address(url):
            yield f"{NOTIFY[0]}: no. {number} is no address such as ntfy://ntfy.sh/topic"
    if not installed and collect_notifiers(options.notify.urls, secrets):
        where = NOTIFY[0] if not options.notify.urls else "notify.urls"
        yield f"{where}: {MISSING}"


def is_installed() -> bool:
    """Return whether Apprise is installed, without the slow import."""
    return importlib.util.find_spec("apprise") is not None

"""What holds for every connection: the trusted certificates and the proxy.

Notion, image services and the ping use these, so one variable is enough for all.
"""

from __future__ import annotations

import functools
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from providers.url_checks import is_loopback

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# Codes of OpenSSL (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})


@functools.cache
def trust_store() -> ssl.SSLContext:
    """Return the context of TLS connections: the system's certificates.

    OpenSSL adds those of SSL_CERT_FILE and SSL_CERT_DIR.
    """
    return ssl.create_default_context()


def proxy_for(url: str) -> str | None:
    """Return the proxy of HTTPS_PROXY for *url*; None: none, or this machine itself."""
    parts, proxies = urlsplit(url), urllib.request.getproxies_environment()
    host = parts.hostname or ""
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_loopback(host):
        return None
    place = parts.netloc.rpartition("@")[2]
    if urllib.request.proxy_bypass(place):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def network_problems(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables of the network that cannot be followed, and why."""
    for name, value in environ.items():
        scheme, separator, _ = value.partition("://")
        if name.lower() in _PROXIES and separator and scheme not in {"http", "https"}:
            yield f"{name}: postbrush needs an HTTP proxy, and {scheme} is another kind"
    file = environ.get("SSL_CERT_FILE", "")
    if file and not Path(file).is_file():
        yield f"SSL_CERT_FILE: {file} is not a file"


def describe_certificate_error(
    error: ssl.SSLCertVerificationError, now: datetime
) -> str:
    """Return what is wrong with the certificate of a server, in words.

    Args:
        now: The time by this machine's clock, which may be wrong.
    """
    code = getattr(error, "verify_code", 0)
    if code in {_NOT_YET_VALID, _EXPIRED}:
        state = "is not valid yet" if code == _NOT_YET_VALID else "has expired"
        clock = f"{now:%Y-%m-%d %H:%M} {now.tzname()}"
        return f"its certificate {state}, if this machine's clock is right ({clock})"
    if code in _UNKNOWN_ISSUER and not _has_authorities():
        return (
            "no certificates of authorities are installed on this machine "
            "(apt install ca-certificates)"
        )
    if code in _UNKNOWN_ISSUER:
        return (
            "this machine does not trust the issuer of its certificate; if a proxy "
            "of your network issues it, name its file in SSL_CERT_FILE"
        )
    if code in _OTHER_NAME:
        return "its certificate is for another name"
    why = getattr(error, "verify_message", "")
    detail = f" ({why})" if why else ""
    return f"its certificate is not valid{detail}"


def _has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    return paths.cafile is not None or bool(folder and any(folder.iterdir()))

"""The HTTP client for image services.

All responses are untrusted.  The client caps bodies while they stream, checks every
redirect before it follows it, and sends tokens only to the configured origin.  The
caller sets the deadline.

A service's response names the address of its image, and must not cause downloads from
the owner's network, so the addresses are checked again when the connection is made.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from providers import charges
from providers.base import HttpCall, ProviderTraits, Response
from providers.network import describe_certificate_error, proxy_for, trust_store
from providers.outcomes import InvalidImageError, UnavailableError
from providers.responses import redact_secrets
from providers.url_checks import (
    check_redirect,
    forbidden_reason,
    is_owners_address,
    is_public,
    shorten_url,
)

_MAX_BYTES = 34 * 2**20  # 25 MB of image as base64, and slack
_MAX_REDIRECTS = 3
_CONNECT_SECONDS = 15.0
#: An idle connection that the server closes fails within a round trip.
_STALE_SECONDS = 1.0
_DISCONNECTED = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    ConnectionError,
)
#: Errors before the request was sent: no address, no connection, no proxy.
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    TimeoutError,
    ValueError,
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpClient:
    """Sends requests and owns the HTTP sessions.

    Args:
        resolver: Replaces the name resolution of file hosts, for tests.
        monotonic: A clock in seconds.
    """

    def __init__(
        self,
        resolver: AbstractResolver | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._monotonic = monotonic
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def send(self, call: HttpCall, traits: ProviderTraits) -> Response:
        """Return the response to a request, after at most 3 redirects.

        Raises:
            UnavailableError: The service is unreachable or redirects wrongly.
            ConnectionLostError: The connection of a request for an image was lost.
            InvalidImageError: The response is too large, or its address forbidden.
        """
        url = call.url
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._send_request(call, url, traits)
            if response.status not in _REDIRECTS:
                return response
            target = ""
            if location := response.headers.get("location"):
                with suppress(ValueError):
                    target = urljoin(url, location)
            if not target:
                raise UnavailableError(
                    f"redirected without address ({response.status})"
                )
            check_redirect(call, url, target, traits)
            url = target
        raise UnavailableError("redirected too often")

    async def _send_request(
        self, call: HttpCall, url: str, traits: ProviderTraits
    ) -> Response:
        if call.is_download and (why := forbidden_reason(url, traits)) is not None:
            raise InvalidImageError(f"the image's address {shorten_url(url)} is {why}")
        progress = _Progress()
        try:
            return await self._send_once_or_again(call, url, traits, progress)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp may hide the resolver's error behind its own.
            for cause in (error, error.__cause__ or error.__context__):
                if isinstance(cause, ForbiddenAddressError):
                    raise InvalidImageError(str(cause)) from error
            raise charges.connection_error(
                call,
                describe_connection_error(error),
                was_sent=not isinstance(error, _NOT_SENT),
                status=progress.status,
            ) from error

    async def _send_once_or_again(
        self, call: HttpCall, url: str, traits: ProviderTraits, progress: _Progress
    ) -> Response:
        """Send a request, once more if it met the end of a kept-alive connection.

        A server that closes an idle connection has not read the request, so nothing
        was charged.  A server that ends while it works takes longer.
        """
        # A proxy resolves the names itself.
        proxy = proxy_for(url)
        is_trusted = not call.is_download or is_owners_address(url, traits)
        public_only = not is_trusted and proxy is None
        session = self._session_for(public_only=public_only)
        began = self._monotonic()
        try:
            return await self._exchange(call, url, proxy, session, progress)
        except _DISCONNECTED:
            is_quick = self._monotonic() - began < _STALE_SECONDS
            if not progress.is_reused or progress.status or not is_quick:
                raise
        session = self._session_for(public_only=public_only, is_fresh=True)
        return await self._exchange(call, url, proxy, session, progress)

    async def _exchange(
        self,
        call: HttpCall,
        url: str,
        proxy: str | None,
        session: aiohttp.ClientSession,
        progress: _Progress,
    ) -> Response:
        form = None
        if call.form is not None:
            form = aiohttp.FormData(dict(call.form), default_to_multipart=True)
        async with session.request(
            call.method,
            url,
            json=call.json,
            data=form,
            headers={"Accept-Encoding": "identity", **call.headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS),
            proxy=proxy,
            trace_request_ctx=progress,
        ) as response:
            progress.status = response.status
            body = redact_secrets(await _read_capped(response), call)
            received = {name.lower(): value for name, value in response.headers.items()}
            # As RFC 9110 wants it, so that dates in headers can be compared.
            received.setdefault("date", format_datetime(datetime.now(UTC)))
            return Response(response.status, received, body)

    def _session_for(
        self, *, public_only: bool, is_fresh: bool = False
    ) -> aiohttp.ClientSession:
        kind = (public_only, is_fresh)
        if kind not in self._sessions:
            resolver = PublicResolver(self._resolver) if public_only else None
            self._sessions[kind] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=resolver, force_close=is_fresh, ssl=trust_store()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # It would send the passwords of a .netrc file; see `proxy_for`.
                trust_env=False,
                headers={"User-Agent": _user_agent()},
                timeout=aiohttp.ClientTimeout(total=None),
                trace_configs=[_reuse_tracing()],
            )
        return self._sessions[kind]


@dataclass(slots=True)
class _Progress:
    """How far a request has come.

    Attributes:
        is_reused: It was sent on a connection that was kept alive.
        status: The status of a response, as soon as its head was received.
    """

    is_reused: bool = False
    status: int | None = None


def _reuse_tracing() -> aiohttp.TraceConfig:
    async def note_reuse(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceConnectionReuseconnParams,
    ) -> None:
        context.trace_request_ctx.is_reused = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(note_reuse)
    return tracing


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _MAX_BYTES:
            response.close()
            # A refusal is none the less one.
            error = InvalidImageError if response.ok else UnavailableError
            raise error("sent more data than an image has", status=response.status)
    return bytes(body)


def describe_connection_error(error: Exception) -> str:
    """Return in words, without any address, why there was no response."""
    match error:
        case TimeoutError():
            return "cannot be reached in time"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "cannot be reached through the proxy of HTTPS_PROXY"
        case aiohttp.ClientConnectorCertificateError():
            why = error.certificate_error
            if isinstance(why, ssl.SSLCertVerificationError):
                now = datetime.now(UTC)
                return f"cannot be reached: {describe_certificate_error(why, now)}"
            return "cannot be reached: its certificate is not valid"
        case aiohttp.ClientConnectorSSLError():
            return "cannot be reached: the port does not speak https"
        case aiohttp.ClientConnectorDNSError():
            return "cannot be reached: unknown host name"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return "cannot be reached: connection refused"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "closed the connection without a response"
        case aiohttp.ClientPayloadError():
            return "sent an incomplete response"
    return f"the connection failed ({type(error).__name__})"


def _user_agent() -> str:
    with suppress(PackageNotFoundError):
        return f"postbrush/{version('postbrush')}"
    return "postbrush"


class ForbiddenAddressError(OSError):
    """A file may not be downloaded from the address."""


class PublicResolver(AbstractResolver):
    """Resolves host names and rejects those with any private address."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*, all of them public.

        Raises:
            ForbiddenAddressError: One of the addresses is private.
        """
        results = await self._inner.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in results):
            raise ForbiddenAddressError(f"{host} leads to a private address")
        return results

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()

"""One trust store and one proxy rule for Notion and image services.

The servers speak TLS for real, with certificates that are signed by themselves.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from aiohttp import web

from daemon import config
from daemon.errors import ConfigError
from daemon.notion.errors import NotionUnavailableError
from daemon.notion.model import Urgency
from daemon.notion.transport import NotionTransport
from providers.base import HttpCall, ProviderTraits, Response
from providers.http import HttpClient
from providers.network import describe_certificate_error, proxy_for, trust_store
from providers.outcomes import UnavailableError
from tests.daemon.house import MovingClock

_HERE = Path(__file__).parent / "certificates"
_TRAITS = ProviderTraits(
    label="X", prefix="x", price=lambda _pixels: 0.0, price_source=""
)


@asynccontextmanager
async def _serving(certificate: str = "") -> AsyncIterator[tuple[int, list[str]]]:
    """Yield port and the URLs that were requested; with TLS for a certificate."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.raw_path if not certificate else request.path)
        return web.json_response({"object": "user", "id": "1", "bot": {}})

    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(_HERE / f"{certificate}.pem", _HERE / "key.pem")
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1], seen
    finally:
        await runner.cleanup()


async def _ask_notion(url: str) -> str:
    """Return "" or why Notion could not be asked."""
    clock = MovingClock()
    transport = NotionTransport(
        "ntn_x", base_url=url, rate=100, sleep=clock.sleep, monotonic=clock.monotonic
    )
    try:
        await transport.send_with_retries(
            Urgency.POLL, lambda client: client.users.me()
        )
    except NotionUnavailableError as error:
        return str(error).removeprefix("Notion is unavailable (").removesuffix(")")
    finally:
        await transport.close()
    return ""


def _call(url: str) -> HttpCall:
    return HttpCall(method="GET", url=url, read=_unread)


def _unread(_response: Response) -> NoReturn:
    raise AssertionError


async def _ask_service(url: str) -> str:
    http = HttpClient()
    try:
        await http.send(_call(f"{url}/v1/users/me"), _TRAITS)
    except UnavailableError as error:
        return str(error)
    finally:
        await http.close()
    return ""


async def _ask_both(url: str) -> str:
    """Return what both say."""
    first, second = await _ask_notion(url), await _ask_service(url)
    assert first == second
    return first


@pytest.mark.parametrize("certificate", ["valid", "expired", "future", "other"])
async def test_one_file_of_authorities_holds_for_notion_and_services(
    certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(_HERE / f"{certificate}.pem"))
    trust_store.cache_clear()
    try:
        async with _serving(certificate) as (port, _):
            said = await _ask_both(f"https://127.0.0.1:{port}")
    finally:
        trust_store.cache_clear()
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    begins = {
        "valid": "",
        "expired": (
            "cannot be reached: its certificate has expired, if this machine's clock "
            f"is right ({today}"
        ),
        "future": (
            "cannot be reached: its certificate is not valid yet, if this machine's "
            f"clock is right ({today}"
        ),
        "other": "cannot be reached: its certificate is for another name",
    }
    assert said.startswith(begins[certificate])
    assert bool(said) == (certificate != "valid")


async def test_an_unknown_issuer_is_named_with_the_remedy() -> None:
    async with _serving("valid") as (port, _):
        said = await _ask_both(f"https://127.0.0.1:{port}")
    assert "does not trust the issuer of its certificate" in said
    assert "SSL_CERT_FILE" in said


def test_a_machine_without_authorities_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = 20, "unable to get local issuer"
    paths = SimpleNamespace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    said = describe_certificate_error(error, datetime(2026, 11, 29, tzinfo=UTC))
    assert "apt install ca-certificates" in said


async def test_one_proxy_holds_for_notion_and_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _serving() as (port, seen):
        for name in ("http_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
        assert not await _ask_both("http://api.invalid")
        assert seen == ["http://api.invalid/v1/users/me"] * 2
        # A pretend Notion on this machine is not asked through a proxy.
        assert not await _ask_both(f"http://127.0.0.1:{port}")
        assert seen[2:] == ["/v1/users/me"] * 2
        monkeypatch.setenv("NO_PROXY", "api.invalid")
        assert "proxy" not in await _ask_notion("http://api.invalid")
        assert len(seen) == 4


async def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with _serving() as (port, _):
        pass
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    assert "proxy" in await _ask_notion("http://api.invalid")
    assert "proxy" in await _ask_service("http://api.invalid")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, "needs an HTTP proxy"),
        ({"https_proxy": "socks5h://x:1"}, "needs an HTTP proxy"),
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "/nowhere/ca.pem is not a file"),
        ({"HTTPS_PROXY": "http://user:pw@proxy.test:3128"}, None),
        ({"HTTPS_PROXY": "proxy.test:3128"}, None),
        ({"HTTPS_PROXY": ""}, None),
    ],
)
def test_what_cannot_be_followed_is_a_problem(
    tmp_path: Path, environ: dict[str, str], problem: str | None
) -> None:
    if problem is None:
        config.load_settings(None, environ, tmp_path)
        return
    with pytest.raises(ConfigError, match=problem):
        config.load_settings(None, environ, tmp_path)


def test_a_proxy_without_a_scheme_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    assert proxy_for("https://api.test") == "http://proxy.test:3128"

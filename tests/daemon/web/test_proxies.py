"""Behind a reverse proxy: whose headers count, what the browser says, and paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from daemon.web.forwarding import Origin, find_origin, parse_networks
from daemon.web.security import is_same_origin
from tests.daemon.web.visitor import PASSWORD, inhabited

PROXIES = parse_networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
TRUSTED = '[web]\ntrusted_proxies = ["127.0.0.1"]\nhosts = ["images.example.org"]\n'
#: What a proxy with a certificate says about a visitor.
PROXIED = {
    "Host": "127.0.0.1:8787",
    "X-Forwarded-Host": "images.example.org",
    "X-Forwarded-Proto": "https",
}


def _headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    ("peer", "pairs", "visitor"),
    [
        # No proxy: what it says does not count.
        ("203.0.113.9", [("X-Forwarded-For", "1.2.3.4")], "203.0.113.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [("X-Forwarded-For", "1.2.3.4")], "1.2.3.4"),
        # What the visitor wrote before the proxy's own entry does not count.
        ("127.0.0.1", [("X-Forwarded-For", "6.6.6.6, 1.2.3.4")], "1.2.3.4"),
        # A chain of proxies, in one header and in two.
        ("127.0.0.1", [("X-Forwarded-For", "1.2.3.4, 10.0.0.2")], "1.2.3.4"),
        (
            "10.0.0.3",
            [("X-Forwarded-For", "1.2.3.4"), ("x-forwarded-for", "10.0.0.2")],
            "1.2.3.4",
        ),
        # Only proxies: the outermost.
        ("127.0.0.1", [("X-Forwarded-For", "10.0.0.7, 10.0.0.2")], "10.0.0.7"),
        ("127.0.0.1", [("X-Forwarded-For", "1.2.3.4:5060")], "1.2.3.4"),
        ("fd00::1", [("X-Forwarded-For", "[2001:db8::5]:443")], "2001:db8::5"),
        # What is not an address ends the search.
        ("127.0.0.1", [("X-Forwarded-For", "1.2.3.4, unknown")], "127.0.0.1"),
        ("127.0.0.1", [("X-Forwarded-For", ", ,")], "127.0.0.1"),
        # A socket of IPv6 receives IPv4, too.
        ("::ffff:127.0.0.1", [("X-Forwarded-For", "1.2.3.4")], "1.2.3.4"),
        ("", [("X-Forwarded-For", "1.2.3.4")], ""),
    ],
)
def test_the_visitor_is_the_last_address_that_is_no_proxy(
    peer: str, pairs: list[tuple[str, str]], visitor: str
) -> None:
    assert find_origin(peer, "a.test", _headers(*pairs), PROXIES).visitor == visitor


def test_host_and_scheme_count_from_a_trusted_proxy_only() -> None:
    said = _headers(("X-Forwarded-Host", "b.test"), ("X-Forwarded-Proto", "https"))
    assert find_origin("10.1.1.1", "a.test", said, PROXIES) == Origin(
        "10.1.1.1", ("b.test", "a.test"), is_secure=True
    )
    assert find_origin("11.1.1.1", "a.test", said, PROXIES) == Origin(
        "11.1.1.1", ("a.test",), is_secure=False
    )
    assert not find_origin("127.0.0.1", "a.test", said, ()).is_secure


@pytest.mark.parametrize(
    ("headers", "host", "same"),
    [
        # The browser compared: nginx with `Host $host` on another port, https.
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://n:8443"}, "n", True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, "n:8787", True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://n"}, "n", False),
        ({"Sec-Fetch-Site": "cross-site"}, "n", False),
        # Without https a browser says only the origin.
        ({"Origin": "http://n:8080"}, "n", True),
        ({"Origin": "http://N:8080"}, "n:8080", True),
        ({"Origin": "http://n:8080"}, "n:8787", False),
        ({"Origin": "http://evil.test"}, "n", False),
        ({"Origin": "null"}, "n", False),
        ({"Origin": "http://[::1]:8080"}, "[::1]", True),
        ({"Origin": "http://[::1"}, "n", False),
        ({}, "n", True),
    ],
)
def test_a_form_comes_from_our_page(
    headers: dict[str, str], host: str, same: object
) -> None:
    assert is_same_origin(headers, host) is same


async def test_each_visitor_of_a_proxy_has_their_own_guesses(tmp_path: Path) -> None:
    async with inhabited(tmp_path, password=PASSWORD, web=TRUSTED) as (_, visitor):

        async def guess(address: str, password: str) -> int:
            # A browser would not send the cookie of https here.
            named = {**PROXIED, "X-Forwarded-Proto": "http", "X-Forwarded-For": address}
            page = await visitor.see("/login", **named)
            token = re.search(r'name="token" value="([^"]+)"', page.text)
            assert token
            form = {"token": token[1], "password": password, "to": "/healthz"}
            named["Origin"] = "http://images.example.org"
            return (await visitor.send("/login", form, **named)).status

        visitor.session.cookie_jar.clear()
        for _ in range(4):
            assert await guess("1.2.3.4", "wrong") == 401
        assert await guess("1.2.3.4", PASSWORD) == 429
        assert await guess("6.6.6.6, 1.2.3.4", PASSWORD) == 429
        assert await guess("5.6.7.8", "wrong") == 401


async def test_the_cookie_is_secure_when_the_browser_used_https(tmp_path: Path) -> None:
    async with inhabited(tmp_path, password=PASSWORD, web=TRUSTED) as (_, visitor):
        page = await visitor.see("/login", **PROXIED)
        assert "; Secure" in page.headers["Set-Cookie"]
        visitor.session.cookie_jar.clear()
        page = await visitor.see("/login")
        assert "; Secure" not in page.headers["Set-Cookie"]
        # A name that is not ours stays refused, in either header.
        for header in ("X-Forwarded-Host", "Host"):
            page = await visitor.see("/login", **{**PROXIED, header: "evil.test"})
            assert page.status == 421


@pytest.mark.parametrize("prefix", ["/post-brush", ""])
async def test_the_page_lives_below_a_path(tmp_path: Path, prefix: str) -> None:
    """Whether the proxy leaves the base path or removes it."""
    web = '[web]\nbase_path = "/post-brush"\n'
    async with inhabited(tmp_path, password=PASSWORD, web=web) as (_, visitor):
        page = await visitor.see(f"{prefix}/jobs?state=open")
        assert page.url.endswith("/post-brush/login?to=/jobs?state%3Dopen")
        assert "; Path=/post-brush" in page.headers["Set-Cookie"]
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token
        form = {"token": token[1], "password": PASSWORD, "to": "/jobs?state=open"}
        inside = await visitor.send("/post-brush/login", form, Origin=visitor.url)
        assert inside.url.endswith("/post-brush/jobs?state=open")
        links = re.findall(r'(?:href|src|action|data-base)="(/[^"]*)"', inside.text)
        assert links
        assert all(link.startswith("/post-brush") for link in links)
        # The entry of the menu is marked, and the script finds its stream.
        assert '/jobs" aria-current' in inside.text
        assert (await visitor.see("/post-brush")).status == 200
        assert (await visitor.see(f"{prefix}/static/page.js")).status == 200
        assert (await visitor.see("/post-brushes/jobs")).status == 404

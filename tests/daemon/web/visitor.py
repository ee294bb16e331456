"""A house with its page open, and a visitor that behaves like a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import aiohttp

from daemon import config
from daemon.web.serve import run_web_server
from daemon.web.session import WebContext
from tests.daemon.house import House, house

PASSWORD = "open sesame, please"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]
    url: str

    @property
    def words(self) -> str:
        """What a person reads."""
        body = re.sub(r"(?s)<head>.*?</head>", " ", self.text)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@dataclass(slots=True)
class Visitor:
    """Keeps cookies, sends forms with their token, and knows its page's address."""

    session: aiohttp.ClientSession
    url: str

    async def see(self, path: str, **headers: str) -> Seen:
        named = {"Accept": "text/html", **_named(headers)}
        async with self.session.get(self.url + path, headers=named) as got:
            return await _seen(got)

    async def token(self) -> str:
        """Return what the forms of this visitor carry."""
        page = await self.see("/login")
        match = re.search(r'name="token" value="([^"]+)"', page.text)
        if match is None:
            page = await self.see("/")
            match = re.search(r'name="token" value="([^"]+)"', page.text)
        assert match is not None
        return match[1]

    async def press(self, path: str, *, to: str = "/", **fields: str) -> Seen:
        """Send one of our own forms."""
        data = {"token": await self.token(), "to": to, **fields}
        return await self.send(path, data, Origin=self.url)

    async def send(
        self, path: str, data: Mapping[str, str] | bytes, **headers: str
    ) -> Seen:
        """Send anything."""
        named = {"Accept": "text/html", **_named(headers)}
        async with self.session.post(self.url + path, data=data, headers=named) as got:
            return await _seen(got)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def _seen(got: aiohttp.ClientResponse) -> Seen:
    body = await got.read()
    return Seen(
        got.status, body.decode("utf-8", "replace"), dict(got.headers), str(got.url)
    )


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    # Cookies of an address, too: the page is at 127.0.0.1.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visitor(session, url)


@asynccontextmanager
async def open_page(
    home: House, toml: str = "", password: str = ""
) -> AsyncIterator[WebContext]:
    """Serve the page of *home* on any free port."""
    folder = home.settings.data_dir
    (folder / "web.toml").write_text(toml)
    environ = {"POSTBRUSH_WEB__LISTEN": "127.0.0.1:0"}
    if password:
        environ["WEB_PASSWORD"] = password
    settings = config.load_settings(folder / "web.toml", environ, folder)
    async with run_web_server(home.sources, settings) as site:
        assert site is not None
        yield site


@asynccontextmanager
async def inhabited(
    folder: Path, *, toml: str = "", password: str = "", web: str = ""
) -> AsyncIterator[tuple[House, Visitor]]:
    """A house that has looked once, its page, and a visitor."""
    async with house(folder, toml=toml) as home:
        await home.begin()
        async with (
            open_page(home, web, password) as site,
            visiting(f"http://127.0.0.1:{site.port}") as visitor,
        ):
            yield home, visitor

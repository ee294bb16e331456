"""Nobody else's page, name, file or haste gets anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.web.login import safe_redirect_path
from daemon.web.security import is_host_allowed, is_same_origin
from db import images
from tests.daemon.house import House
from tests.daemon.web.visitor import PASSWORD, Visitor, inhabited, visiting

_NASTY = '<script>document.title="owned"</script>"\'><img src=x onerror=alert(1)>'


@pytest.fixture(name="both")
async def _both(tmp_path: Path) -> AsyncIterator[tuple[House, Visitor]]:
    async with inhabited(tmp_path) as both:
        yield both


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_does_nothing(
    both: tuple[House, Visitor], headers: dict[str, str]
) -> None:
    _, visitor = both
    data = {"token": await visitor.token(), "to": "/"}
    answer = await visitor.send("/pause", data, **headers)
    assert answer.status == 403
    assert "Paused" not in (await visitor.see("/")).words


@pytest.mark.parametrize("token", [None, "", "x", "abc.def"])
async def test_a_form_without_its_token_does_nothing(
    both: tuple[House, Visitor], token: str | None
) -> None:
    _, visitor = both
    data = {"to": "/"} | ({"token": token} if token is not None else {})
    answer = await visitor.send("/pause", data, Origin=visitor.url)
    assert answer.status == 403
    assert "Paused" not in (await visitor.see("/")).words


async def test_the_token_of_another_visitor_is_none(
    both: tuple[House, Visitor],
) -> None:
    _, visitor = both
    async with visiting(visitor.url) as other:
        stolen = await other.token()
    await visitor.see("/")
    answer = await visitor.send("/pause", {"token": stolen}, Origin=visitor.url)
    assert answer.status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", ""]
)
async def test_a_name_that_was_pointed_at_us_shows_nothing(
    both: tuple[House, Visitor], host: str
) -> None:
    _, visitor = both
    answer = await visitor.see("/", Host=host)
    assert answer.status in {400, 421}
    assert "Watching" not in answer.text


async def test_a_name_the_owner_gave_us_is_ours(tmp_path: Path) -> None:
    web = '[web]\nhosts = ["Pictures.example.org"]'
    async with inhabited(tmp_path, web=web) as (_, visitor):
        answer = await visitor.see("/", Host="pictures.example.org")
        assert answer.status == 200
        port = visitor.url.rpartition(":")[2]
        assert (await visitor.see("/", Host=f"localhost:{port}")).status == 200


def test_hosts_are_compared_as_browsers_write_them() -> None:
    names = frozenset({"shelf", "shelf.local"})
    for fine in ("127.0.0.1", "[::1]:8787", "SHELF:8787", "shelf.local.", "localhost"):
        assert is_host_allowed(fine, names), fine
    for wrong in ("shelf.evil", "evil", "", "a@127.0.0.1.evil", "[::1].evil"):
        assert not is_host_allowed(wrong, names), wrong
    assert is_same_origin({"Origin": "https://a.example"}, "a.example")
    assert not is_same_origin({"Origin": "https://a.example"}, "b.example")


async def test_words_of_a_post_stay_words(both: tuple[House, Visitor]) -> None:
    home, visitor = both
    home.add(f"Bread {_NASTY}", f"We bake. {_NASTY}")
    await home.live()
    for path in ("/", "/images", "/images/1", "/jobs", "/jobs/1"):
        page = await visitor.see(path)
        assert page.status == 200, path
        assert "<script>document" not in page.text
        assert "<img src=x" not in page.text
        assert page.text.count("<script") == 1
        assert "Bread <script>" in page.words + page.text.replace("&lt;", "<")


@pytest.mark.parametrize(
    "path",
    [
        "/images/..%2f..%2fpostbrush.db",
        "/images/%2e%2e/postbrush.toml",
        "/images/../postbrush.db",
        "/images/..%2f..%2f..%2fetc%2fpasswd.png",
        "/images/%00.png",
        "/images/flux_generated_20261124_111530_1.png%00.png",
        "/thumbs/..%2fpostbrush.png",
        "/static/..%2f..%2fserve.py",
        "/static/%2fetc%2fpasswd",
        "/images/flux_generated_20200101_000000_1.png",
    ],
)
async def test_no_path_leaves_the_folder(
    both: tuple[House, Visitor], path: str
) -> None:
    import yarl  # noqa: PLC0415 - a path exactly as it is written

    _, visitor = both
    url = yarl.URL(visitor.url + path, encoded=True)
    async with visitor.session.get(url) as got:
        assert got.status in {400, 404}


async def test_a_link_in_the_folder_is_not_followed(
    both: tuple[House, Visitor], tmp_path: Path
) -> None:
    home, visitor = both
    home.add()
    await home.live()
    async with home.source.app.db.read_transaction() as tx:
        (made,) = await images.list_newest(tx, limit=1)
    secret = tmp_path / "secret"
    secret.write_text("the token")
    path = home.source.app.image_folder / made.name
    path.unlink()
    path.symlink_to(secret)
    for folder in ("images", "thumbs"):
        answer = await visitor.see(f"/{folder}/{made.name}")
        assert answer.status == 404
        assert "token" not in answer.text


async def test_a_huge_form_is_not_read(both: tuple[House, Visitor]) -> None:
    _, visitor = both
    answer = await visitor.send(
        "/pause", {"token": await visitor.token(), "for": "x" * 100_000}
    )
    assert answer.status == 413


async def test_only_forms_are_taken(both: tuple[House, Visitor]) -> None:
    _, visitor = both
    answer = await visitor.send("/pause", b"{}", Content_Type="application/json")
    assert answer.status == 415


async def test_haste_is_slowed_down(both: tuple[House, Visitor]) -> None:
    home, visitor = both
    data = {"token": "x"}
    statuses = [(await visitor.send("/resume", data)).status for _ in range(45)]
    assert set(statuses[:40]) == {403}
    assert statuses[-1] == 429
    home.clock.move(seconds=5)
    assert (await visitor.send("/resume", data)).status == 403


async def test_every_answer_forbids_what_we_never_do(
    both: tuple[House, Visitor],
) -> None:
    _, visitor = both
    for path in ("/", "/nothing", "/login", "/healthz", "/images/1"):
        headers = (await visitor.see(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "aiohttp" not in headers["Server"].lower()


async def test_a_page_asks_nobody_else_and_holds_no_script_of_its_own(
    both: tuple[House, Visitor],
) -> None:
    home, visitor = both
    home.add()
    await home.live()
    for path in ("/", "/images", "/images/1", "/jobs", "/jobs/1"):
        text = (await visitor.see(path)).text
        assert "style=" not in text
        assert " onclick" not in text
        elsewhere = text.replace("https://www.notion.so/", "")
        assert "https://" not in elsewhere.replace("https://app.notion.com/", "")


async def test_without_the_password_nothing_is_seen(tmp_path: Path) -> None:
    async with inhabited(tmp_path, password=PASSWORD) as (home, visitor):
        home.add("A secret post")
        await home.live()
        for path in ("/", "/images", "/images/1", "/jobs", "/jobs/1"):
            page = await visitor.see(path)
            assert "/login?to=" in page.url
            assert "secret" not in page.words
        async with home.source.app.db.read_transaction() as tx:
            (made,) = await images.list_newest(tx, limit=1)
        assert "/login" in (await visitor.see(f"/images/{made.name}")).url
        assert (await visitor.see("/live")).status == 401
        data = {"token": await visitor.token()}
        assert (await visitor.send("/pause", data)).status == 401


async def test_the_password_opens_and_logging_out_closes(tmp_path: Path) -> None:
    async with inhabited(tmp_path, password=PASSWORD) as (_, visitor):
        wrong = await visitor.press("/login", password="not this one")
        assert wrong.status == 401
        inside = await visitor.press("/login", to="/jobs", password=PASSWORD)
        assert inside.url.endswith("/jobs")
        cookies = {cookie.key: cookie for cookie in visitor.session.cookie_jar}
        session = next(one for name, one in cookies.items() if "session" in name)
        assert session["httponly"]
        assert session["samesite"] == "Strict"
        # An answer that is under way while somebody logs out brings nobody back in.
        given = (await visitor.see("/")).headers.get("Set-Cookie", "")
        assert "session" not in given
        await visitor.press("/logout")
        assert "/login" in (await visitor.see("/")).url


async def test_who_guesses_waits_longer_each_time(tmp_path: Path) -> None:
    async with inhabited(tmp_path, password=PASSWORD) as (home, visitor):
        for _ in range(4):
            assert (await visitor.press("/login", password="guess")).status == 401
        # Not even the right one is looked at now.
        answer = await visitor.press("/login", password=PASSWORD)
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) >= 1
        home.clock.move(seconds=301)
        assert (await visitor.press("/login", password=PASSWORD)).status == 200


@pytest.mark.parametrize(
    "to", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\t/x", 7]
)
def test_nobody_is_sent_to_another_site(to: object) -> None:
    assert safe_redirect_path(to) == "/"
    assert safe_redirect_path("/jobs?state=open") == "/jobs?state=open"

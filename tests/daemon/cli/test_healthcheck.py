"""`postbrush healthcheck`, which asks the page wherever it listens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from daemon.cli import healthcheck


class _Page(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        wanted = self.path == "/healthz" and self.headers["Host"] == "localhost"
        self.send_response(self.status if wanted else 404)
        self.end_headers()
        self.wfile.write(b"ok\n" if self.status == 200 else b"disk\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104 - asked, not listened on
def test_it_asks_where_the_page_listens(
    address: str,
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("postbrush.toml").write_text(f'[web]\nlisten = "{address}:{port}"\n')
    assert healthcheck.healthcheck() == 0
    assert capsys.readouterr().out == "ok\n"

    monkeypatch.setattr(_Page, "status", 503)
    assert healthcheck.healthcheck() == 1
    assert capsys.readouterr().out == "disk\n"

    # The variable goes before the file, as everywhere.
    monkeypatch.setenv("POSTBRUSH_WEB__LISTEN", "127.0.0.1:9")
    assert healthcheck.healthcheck() == 1
    assert "does not respond at 127.0.0.1:9" in capsys.readouterr().err


def test_a_page_that_is_off_cannot_be_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("postbrush.toml").write_text('[web]\nlisten = "off"\n')
    assert healthcheck.healthcheck() == 0
    assert "web.listen is off" in capsys.readouterr().out

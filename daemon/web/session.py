"""The context of the handlers: sources, templates and the visitor's session."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from daemon.context import SourceContext, Sources
from daemon.web.forwarding import Network, Origin, find_origin
from daemon.web.security import Authenticator, Signer
from db.attempts import FeedPosition

_HERE = Path(__file__).parent
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: Seconds a session is valid.
_SESSION_SECONDS = 30 * 86400
#: Characters of a message.
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A static file in memory; `mark` is a hash of its content for the URL."""

    body: bytes
    kind: str
    mark: str


@dataclass(frozen=True, slots=True)
class Session:
    """The session of one browser.

    Attributes:
        inside: Whether it has given the password.
        began: Start of the session in Unix seconds.
    """

    id: str
    inside: bool
    began: int


#: Set on a request by `WebContext.session_of`.
_SESSION = web.RequestKey("session", Session)
#: Set on a request by `WebContext.origin_of`.
_ORIGIN = web.RequestKey("origin", Origin)
#: Whether the request had a valid session cookie.
_HAS_COOKIE = web.RequestKey("has it", bool)


def load_static_files() -> dict[str, StaticFile]:
    """Return stylesheet, script and icon by file name."""
    assets = {}
    for path in (_HERE / "static").iterdir():
        body = path.read_bytes()
        mark = hashlib.sha256(body).hexdigest()[:12]
        assets[path.name] = StaticFile(body, _KINDS[path.suffix], mark)
    return assets


@dataclass(slots=True, kw_only=True)
class WebContext:
    """The web page of one daemon.

    Attributes:
        names: Host names that requests may use.
        signer: Signs sessions, forms and messages.
        feed_position: End of the change feed when the server started.
        port: Port of the server; cookie names contain it, as cookies ignore ports.
        board: Port of the demo's board, None outside of the demo.
        trusted_proxies: The proxies whose X-Forwarded-* headers count.
        base: The path below which a proxy serves the page, "" for the root.
        poll_now: Looks at Notion at once.
    """

    sources: Sources
    authenticator: Authenticator
    names: frozenset[str]
    signer: Signer
    feed_position: FeedPosition
    port: int = 0
    board: int | None = None
    trusted_proxies: Sequence[Network] = ()
    base: str = ""
    poll_now: Callable[[], None] = lambda: None
    assets: Mapping[str, StaticFile] = field(default_factory=load_static_files)
    _renderer: Callable[..., str] | None = None

    @property
    def source(self) -> SourceContext:
        """Return the first source, for what all sources share."""
        return self.sources.first

    def origin_of(self, request: web.Request) -> Origin:
        """Return who sent a request, and to which address."""
        if _ORIGIN not in request:
            request[_ORIGIN] = find_origin(
                request.remote or "",
                request.host,
                request.headers,
                self.trusted_proxies,
            )
        return request[_ORIGIN]

    def local_path(self, path: str) -> str:
        """Return a path without `base`, which not every proxy removes."""
        rest = path.removeprefix(self.base)
        is_below = rest != path and rest[:1] in {"", "/", "?"}
        return f"/{rest.removeprefix('/')}" if is_below else path

    def session_of(self, request: web.Request) -> Session:
        """Return the visitor's session, or a new one without a valid cookie."""
        cached: Session | None = request.get(_SESSION)
        if cached is not None:
            return cached
        signed = request.cookies.get(self._cookie_name("session"), "")
        text = self.signer.unsign(signed, "session")
        session = self.new_session(inside=False)
        if text is not None:
            session_id, inside, began = text.split(":")
            if session.began - int(began) < _SESSION_SECONDS:
                session = Session(session_id, inside=inside == "1", began=int(began))
                request[_HAS_COOKIE] = True
        request[_SESSION] = session
        return session

    def may_enter(self, request: web.Request) -> bool:
        """Return whether the visitor is logged in or no password is configured."""
        return (
            not self.authenticator.requires_password or self.session_of(request).inside
        )

    def form_token(self, request: web.Request) -> str:
        """Return the token against forged requests for this visitor's forms."""
        return self.signer.sign(self.session_of(request).id, "form")

    def is_form_token(self, request: web.Request, token: str) -> bool:
        """Return whether *token* belongs to the visitor's session."""
        return self.signer.unsign(token, "form") == self.session_of(request).id

    def set_session_cookie(
        self, request: web.Request, response: web.Response, session: Session
    ) -> None:
        """Set the signed session cookie."""
        text = f"{session.id}:{int(session.inside)}:{session.began}"
        self._set_cookie(
            request, response, "session", self.signer.sign(text, "session")
        )

    def new_session(self, *, inside: bool) -> Session:
        """Return a session with a new ID, which prevents session fixation."""
        began = int(self.source.app.now().timestamp())
        return Session(secrets.token_urlsafe(16), inside=inside, began=began)

    def render(
        self, request: web.Request, page: str, *, status: int = 200, **data: object
    ) -> web.Response:
        """Return the response of a template, with the data that all pages need."""
        if self._renderer is None:
            from daemon.web.rendering import create_renderer  # noqa: PLC0415 - 20 ms and 1.4 MB, used by visits

            marks = {name: asset.mark for name, asset in self.assets.items()}
            self._renderer = create_renderer(self.source, marks, self.base)
        host = urlsplit(f"//{self.origin_of(request).hosts[0]}").hostname or "localhost"
        text = self._renderer(
            page,
            **data,
            several=len(self.sources.names) > 1,
            path=self.local_path(request.path),
            token=self.form_token(request),
            said=self._read_message(request),
            inside=self.may_enter(request),
            locked=self.authenticator.requires_password,
            board=f"http://{host}:{self.board}/" if self.board else "",
        )
        response = web.Response(text=text, content_type="text/html", status=status)
        response.headers["Cache-Control"] = "no-store"
        session = self.session_of(request)
        # Setting an existing session again could undo a logout that runs meanwhile.
        if _HAS_COOKIE not in request:
            self.set_session_cookie(request, response, session)
        # Automatic reloads by the script do not show the message.
        if "X-Live" not in request.headers:
            response.del_cookie(self._cookie_name("said"), path=self._cookie_path)
        return response

    def redirect_to(
        self, request: web.Request, path: str, said: str = "", *, wrong: bool = False
    ) -> web.Response:
        """Redirect to a path of ours, whose page shows the message *said*."""
        response = web.Response(status=303, headers={"Location": self.base + path})
        if said:
            kind = "!" if wrong else " "
            text = base64.urlsafe_b64encode(f"{kind}{said[:_LONGEST_MESSAGE]}".encode())
            signed = self.signer.sign(text.decode(), "said")
            self._set_cookie(request, response, "said", signed, 60)
        return response

    def _read_message(self, request: web.Request) -> dict[str, Any]:
        signed = request.cookies.get(self._cookie_name("said"), "")
        text = self.signer.unsign(signed, "said") if signed else None
        if text is None or "X-Live" in request.headers:
            return {}
        message = base64.urlsafe_b64decode(text).decode()
        return {"wrong": message.startswith("!"), "text": message[1:]}

    def _cookie_name(self, name: str) -> str:
        return f"postbrush_{name}_{self.port}"

    @property
    def _cookie_path(self) -> str:
        return self.base or "/"

    def _set_cookie(
        self,
        request: web.Request,
        response: web.Response,
        name: str,
        value: str,
        age: int | None = None,
    ) -> None:
        response.set_cookie(
            self._cookie_name(name),
            value,
            max_age=age or _SESSION_SECONDS,
            path=self._cookie_path,
            httponly=True,
            secure=self.origin_of(request).is_secure,
            samesite="Strict",
        )


WEB_CONTEXT = web.AppKey("site", WebContext)


def web_context_of(request: web.Request) -> WebContext:
    """Return the web context of a request."""
    return request.app[WEB_CONTEXT]


def query_number(request: web.Request, key: str) -> int | None:
    """Return a query parameter as a database ID, None if it is not one."""
    text = request.query.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - what the database can hold

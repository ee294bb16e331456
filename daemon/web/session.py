"""What every handler is given: the flow, the templates, the visitor's session."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from daemon.context import SourceContext
from daemon.sources import Sources
from daemon.web.auth import Authenticator
from daemon.web.security import Signer
from db.change_feed import FeedPosition

_HERE = Path(__file__).parent
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_LONGEST_STAY = 30 * 86400
_LONGEST_SAID = 300


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of the page's own, read once."""

    body: bytes
    kind: str
    mark: str


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that was here: which one, and whether it has said the password."""

    id: str
    inside: bool
    began: int

    def serialize(self) -> str:
        return f"{self.id}:{int(self.inside)}:{self.began}"


#: Set on a request by `WebContext.session_of`.
_SESSION = web.RequestKey("session", Session)
#: The visitor came with it.
_HAS_IT = web.RequestKey("has it", bool)


def load_static_files() -> dict[str, StaticFile]:
    """Return the page's stylesheet, script and icon, by name."""
    found = {}
    for path in (_HERE / "static").iterdir():
        body = path.read_bytes()
        mark = hashlib.sha256(body).hexdigest()[:12]
        found[path.name] = StaticFile(body, _KINDS[path.suffix], mark)
    return found


@dataclass(slots=True, kw_only=True)
class WebContext:
    """The page of one daemon.

    Attributes:
        port: Listened on; part of the cookies' names, which know no ports.
        board: Port of the demo's board, when this is the demo.
        seal: Of sessions and forms.
        place: How far the history went when the page was opened.
    """

    flows: Sources
    door: Authenticator
    names: frozenset[str]
    seal: Signer
    place: FeedPosition
    port: int = 0
    board: int | None = None
    assets: Mapping[str, StaticFile] = field(default_factory=load_static_files)
    _fill: Callable[..., str] | None = None

    @property
    def flow(self) -> SourceContext:
        """The way to what all sources share."""
        return self.flows.first

    def flow_of(self, source: str) -> SourceContext:
        """Return the flow of a source; of one that is gone, any."""
        return self.flows.get(source) or self.flow

    def render_template(self, page: str, **data: object) -> str:
        """Return a page of HTML; an owner who never looks pays 2 MB less."""
        if self._fill is None:
            from daemon.web.rendering import create_renderer  # noqa: PLC0415 - as it says

            self._fill = create_renderer(self.flow, self.assets)
        return self._fill(page, **data)

    def session_of(self, request: web.Request) -> Session:
        """Return the visitor's session, a new one when it has none that is ours."""
        known: Session | None = request.get(_SESSION)
        if known is not None:
            return known
        sealed = request.cookies.get(self._cookie_name("session"), "")
        text = self.seal.unsign(sealed, "session")
        now = int(self.flow.now().timestamp())
        found = Session(secrets.token_urlsafe(16), inside=False, began=now)
        if text is not None:
            key, inside, began = text.split(":")
            if now - int(began) < _LONGEST_STAY:
                found = Session(key, inside=inside == "1", began=int(began))
                request[_HAS_IT] = True
        request[_SESSION] = found
        return found

    def may_enter(self, request: web.Request) -> bool:
        return not self.door.requires_password or self.session_of(request).inside

    def form_token(self, request: web.Request) -> str:
        """Return what every form of this visitor carries."""
        return self.seal.sign(self.session_of(request).id, "form")

    def is_form_token(self, request: web.Request, token: str) -> bool:
        return self.seal.unsign(token, "form") == self.session_of(request).id

    def set_session_cookie(self, response: web.Response, session: Session) -> None:
        """Give the visitor its session."""
        self._set_cookie(
            response, "session", self.seal.sign(session.serialize(), "session")
        )

    def new_session(self, *, inside: bool) -> Session:
        """Return another session: a visitor's rights never grow on an old one."""
        began = int(self.flow.now().timestamp())
        return Session(secrets.token_urlsafe(16), inside=inside, began=began)

    def render(
        self, request: web.Request, page: str, *, status: int = 200, **data: object
    ) -> web.Response:
        """Return a page of HTML."""
        host = urlsplit(f"//{request.host}").hostname or "localhost"
        text = self.render_template(
            page,
            **data,
            several=len(self.flows.names) > 1,
            path=request.path,
            token=self.form_token(request),
            said=self._read_message(request),
            inside=self.may_enter(request),
            locked=self.door.requires_password,
            board=f"http://{host}:{self.board}/" if self.board else "",
        )
        response = web.Response(text=text, content_type="text/html", status=status)
        response.headers["Cache-Control"] = "no-store"
        session = self.session_of(request)
        # Given again, by an answer that was under way, it would undo a logout.
        if _HAS_IT not in request:
            self.set_session_cookie(response, session)
        # The script looks again by itself, and shows no messages.
        if "X-Live" not in request.headers:
            response.del_cookie(self._cookie_name("said"), path="/")
        return response

    def redirect_to(
        self, to: str, said: str = "", *, wrong: bool = False
    ) -> web.Response:
        """Return to a page of ours, which then says what was done."""
        response = web.Response(status=303, headers={"Location": to})
        if said:
            kind = "!" if wrong else " "
            text = base64.urlsafe_b64encode(f"{kind}{said[:_LONGEST_SAID]}".encode())
            self._set_cookie(
                response, "said", self.seal.sign(text.decode(), "said"), 60
            )
        return response

    def _read_message(self, request: web.Request) -> dict[str, Any]:
        sealed = request.cookies.get(self._cookie_name("said"), "")
        text = self.seal.unsign(sealed, "said") if sealed else None
        if text is None or "X-Live" in request.headers:
            return {}
        said = base64.urlsafe_b64decode(text).decode()
        return {"wrong": said.startswith("!"), "text": said[1:]}

    def _cookie_name(self, name: str) -> str:
        return f"postbrush_{name}_{self.port}"

    def _set_cookie(
        self, response: web.Response, name: str, value: str, age: int | None = None
    ) -> None:
        response.set_cookie(
            self._cookie_name(name),
            value,
            max_age=age or _LONGEST_STAY,
            path="/",
            httponly=True,
            samesite="Strict",
        )


WEB_CONTEXT = web.AppKey("site", WebContext)


def web_context_of(request: web.Request) -> WebContext:
    """Return the site a request is for."""
    return request.app[WEB_CONTEXT]

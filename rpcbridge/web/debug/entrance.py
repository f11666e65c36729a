"""What a request to /debug passes before any page sees it: where it was made, who asks, its body, its CSRF token.

Nothing here is stored or shared: what is needed to tell friend from stranger comes with the request.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping

import structlog
from flask import Response, g, request, url_for

from rpcbridge.errors import CallError, DatabaseError, NotACall
from rpcbridge.web.body import BodyReader, abandon
from rpcbridge.web.debug.page import Debug, said
from rpcbridge.web.debug.sessions import is_id
from rpcbridge.web.guesses import Guesses

SESSION, VISIT = "rpcbridge_session", "rpcbridge_visit"  # cookies; a visit is whoever has no session, for CSRF tokens alone
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_READING = 10.0  # seconds that a form may take to come: it is small
_WITHOUT_LOGIN = {"debug.login", "debug.enter"}
_MISSING = (
    "this request needs the CSRF token of a page that was loaded in this browser, in the header X-CSRF-Token or the form field "
    "csrf_token, and the page's cookie: load the page again and repeat it; a program sends Authorization: Bearer instead"
)


class Entrance:
    """The door of the inspector. `refusal` and `remember` stand before and after each request, `csrf_token` is what templates call."""

    def __init__(self, debug: Debug, bodies: BodyReader, guesses: Guesses) -> None:
        self._guard, self._sessions = debug.guard, debug.sessions
        self._bodies = bodies
        self._guesses = guesses
        self._log = structlog.get_logger()

    def refusal(self) -> Response | None:
        """Why this request is not let in; None where it is."""
        if self._made_elsewhere():
            return self._refused("cross_site", 403, "this request was made by a page of another site")
        stopped = self._stranger()
        if stopped is None and _changes() and request.routing_exception is None:
            stopped = self._forged() or self._unreadable() or self._form_forged()
        return stopped

    def csrf_token(self) -> str:
        """For a page's forms and scripts; "" while there is no key: the page then says why by itself."""
        id = _bound_to() or self._sessions.new_id()
        try:
            token = self._sessions.csrf(id)
        except DatabaseError:
            return ""
        if not _bound_to():
            g.new_visit = id
        return token

    def remember(self, response: Response) -> Response:
        """The cookie of a visit that began with this response."""
        if visit := g.get("new_visit"):
            set_cookie(response, VISIT, visit, secure=self._guard.secure(request.environ))
        return response

    def _made_elsewhere(self) -> bool:
        """Whether a page that is not ours made a browser ask. A link to a page may stand anywhere; nothing else may."""
        site = request.headers.get("Sec-Fetch-Site", "")
        if site in ("same-origin", "none"):  # none: the user's own doing
            return False
        if site:  # same-site too: that is another port or another name
            to = (request.method, request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
            return to != ("GET", "navigate", "document")
        # Browsers say no more by plain http, but for localhost.
        origin = request.headers.get("Origin")
        return origin is not None and _changes() and not self._guard.is_own(origin, request.environ)

    def _stranger(self) -> Response | None:
        """The reply to whoever may not look; None for others, and then `g` says what let them in."""
        refusal = self._guard.refusal(request.environ)
        if refusal == "not_local":
            return self._refused(refusal, 403, "forbidden")
        if not self._guard.asks:
            g.admitted = True
            return None
        # What a token opens is not even looked at while its sender guesses; whoever is logged in does not care who else guesses.
        pause = self.pause() if refusal != "no_token" else 0.0
        g.session = self._sessions.id_of(request.cookies.get(SESSION, ""))
        g.bearer = not refusal and not pause and request.headers["Authorization"].lower().startswith("bearer")
        g.admitted = bool(g.session) or not (refusal or pause)
        return None if g.admitted or _open() else self._asked(refusal, pause)

    def _asked(self, refusal: str, pause: float) -> Response:
        """The reply to whoever has yet to say the token: a browser gets the form for it."""
        if pause:
            return self.guessed_too_often(pause)
        if refusal == "token":
            self.guessed()
        if any(kind == "text/html" for kind, _ in request.accept_mimetypes):
            _leave()
            return Response(status=303, headers={"Location": url_for("debug.login", next=_here())})
        headers = {"WWW-Authenticate": 'Bearer realm="rpcbridge debug"'}
        if "HX-Request" in request.headers:  # htmx would put the form into a corner of the page
            headers["HX-Redirect"] = url_for("debug.login")
        return _turned_away(401, "forbidden", headers)

    def guessed(self) -> None:
        """Note that this request had a wrong token."""
        self._guesses.wrong(self._guard.client(request.environ))
        self._note("token")

    def guessed_too_often(self, pause: float) -> Response:
        """The reply to whoever guesses."""
        text = f"too many wrong tokens came from this address: it is heard again in {math.ceil(pause)} seconds"
        return self._refused("too_many", 429, text, {"Retry-After": str(math.ceil(pause))})

    def pause(self) -> float:
        """Seconds for which no token is taken from whoever asks; 0 for none."""
        return self._guesses.pause(self._guard.client(request.environ))

    def _forged(self) -> Response | None:
        """The reply to what no page of ours can have sent, as far as its head tells. A Bearer header is proof enough: no browser adds one by itself."""
        given = request.headers.get("X-CSRF-Token")
        if g.get("bearer") or (self._is_own(given) if given else _bound_to() and request.mimetype in _FORMS):
            return None
        return self._refused("csrf", 403, _MISSING)

    def _unreadable(self) -> Response | None:
        """Take in the body, bounded in size and time; who sends it so that it cannot be is told."""
        environ = request.environ
        try:
            body = self._bodies.read(environ, time.monotonic() + _READING)
        except CallError as error:
            return said(413 if isinstance(error, NotACall) else 400, str(error))
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_CONTENT_ENCODING", None)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return None

    def _form_forged(self) -> Response | None:
        """The same for a form without the header, whose own field has to say it."""
        if g.get("bearer") or request.headers.get("X-CSRF-Token") or self._is_own(request.form.get("csrf_token", "")):
            return None
        return self._refused("csrf", 403, _MISSING)

    def _is_own(self, given: str) -> bool:
        return self._sessions.is_csrf(_bound_to(), given)

    def _refused(self, reason: str, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
        self._note(reason)
        return _turned_away(status, text, headers)

    def _note(self, reason: str) -> None:
        self._log.warning("request_refused", platform="debug", reason=reason, client=self._guard.client(request.environ)[:60])


def set_cookie(response: Response, name: str, value: str, *, secure: bool, max_age: int | None = None) -> None:
    """A cookie that no script reads and that no other site's request carries."""
    response.set_cookie(name, value, max_age=max_age, path="/debug", secure=secure, httponly=True, samesite="Strict")


def _bound_to() -> str:
    """What this request's CSRF token belongs to: its session, else its visit, else "" for none."""
    visit = request.cookies.get(VISIT, "")
    return g.get("session") or g.get("new_visit") or (visit if is_id(visit) else "")


def _here() -> str | None:
    """Where to go on after the login."""
    return request.full_path.rstrip("?") if request.method == "GET" and request.routing_exception is None else None


def _open() -> bool:
    """Whether this is the login form or what it looks like."""
    return request.endpoint in _WITHOUT_LOGIN or (request.endpoint == "debug.static" and request.view_args == {"filename": "debug.css"})


def _changes() -> bool:
    return request.method not in ("GET", "HEAD", "OPTIONS")


def _turned_away(status: int, text: str, headers: Mapping[str, str] | None) -> Response:
    _leave()
    return said(status, text, headers)


def _leave() -> None:
    """Do not read a stranger's body."""
    if _changes():
        abandon(request.environ)

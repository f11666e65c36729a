"""The login form, for browsers: the token once, then a cookie. Only where there is a token."""

from __future__ import annotations

import re
from urllib.parse import unquote

from flask import Blueprint, Response, g, render_template, request, url_for

from rpcbridge.web.debug.entrance import SESSION, Entrance, set_cookie
from rpcbridge.web.debug.page import Debug

_WRONG = "That is not the token. It stands as debug.token in the bridge's configuration."


def add(blueprint: Blueprint, debug: Debug, entrance: Entrance) -> None:
    """The form, what takes it, and the way out."""

    @blueprint.get("/login")
    def login() -> Response:
        going = _next(request.args.get("next", ""))
        if g.session:
            return _to(going)
        response = _form(debug, going)
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            # A link in a mail led here: SameSite=Strict kept the cookie away, and it comes along once a page of ours asks.
            response.headers["Refresh"] = f"0; url={going}"
        return response

    @blueprint.post("/login")
    def enter() -> Response:
        going = _next(request.form.get("next", ""))
        if pause := entrance.pause():
            return entrance.guessed_too_often(pause)
        if not debug.guard.opens(request.form.get("token", "").strip().encode()):
            entrance.guessed()
            return _form(debug, going, _WRONG, 403)
        response = _to(going)
        set_cookie(
            response, SESSION, debug.sessions.begun(), secure=debug.guard.secure(request.environ), max_age=max(1, int(debug.sessions.lasting))
        )
        return response

    @blueprint.post("/logout")
    def logout() -> Response:
        response = _to(url_for("debug.login"))
        response.delete_cookie(SESSION, path="/debug", httponly=True, samesite="Strict")
        return response


def _form(debug: Debug, going: str, wrong: str = "", status: int = 200) -> Response:
    debug.sessions.csrf("")  # a form that could not be sent is no use: raises DatabaseError
    return Response(render_template("login.html", going=going, wrong=wrong), status)


def _to(place: str) -> Response:
    return Response(status=303, headers={"Location": place})


# What a browser reads as another host, or as the way up and out of /debug, is none of these: it takes "\\" for "/" and "%2e" for ".".
_PATH = re.compile(r"/debug(?:/[A-Za-z0-9_~@:!$'()*+,;=%-][A-Za-z0-9._~@:!$'()*+,;=%-]*)*/?(?:\?[!-\[\]-~]*)?")
_FORMS = ("/debug/login", "/debug/logout")


def _next(asked: str) -> str:
    """Where to go on: a page of /debug, whatever was asked for."""
    path = asked.partition("?")[0]
    good = len(asked) <= 2000 and _PATH.fullmatch(asked) and "/." not in unquote(path) and path.rstrip("/") not in _FORMS
    return asked if good else url_for("debug.calls")

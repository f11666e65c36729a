"""/livez: this process serves. /readyz: send calls here or not. Says what is known already; asks nobody, waits for nothing.

Only a bridge that is about to stop is not ready. With a backend or a database down it is `degraded` and stays
ready: it is the safety net then, and a load balancer that took every bridge out would be the outage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from flask import Flask, Response, request

Check = tuple[str, bool, str]  # name, whether all is well, and a line that says so


def add_health(app: Flask, draining: Callable[[], bool], checks: Iterable[Callable[[], Check]]) -> None:
    """Serve both paths. `checks` are called for every /readyz: they must be quick, and degrade at most."""
    known = list(checks)

    def livez() -> Response:
        return _reply(200, "ok\n")

    def readyz() -> Response:
        stopping = draining()
        results = [_serving(stopping), *map(_result, known)]
        well = all(ok for _, ok, _ in results)
        status = "draining" if stopping else "ok" if well else "degraded"
        return _shown(503 if stopping else 200, status, results)

    for path, view in (("/livez", livez), ("/readyz", readyz)):
        app.add_url_rule(path, path, view, methods=["GET"], provide_automatic_options=False)  # GET brings HEAD along


def _serving(stopping: bool) -> Check:
    return "serving", not stopping, "draining, about to stop" if stopping else "ok"


def _result(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a check that breaks must not take the bridge out of service
        return getattr(check, "__name__", "check"), False, f"the check itself failed: {type(error).__name__}"


def _shown(code: int, status: str, results: list[Check]) -> Response:
    if request.accept_mimetypes.best_match(["text/plain", "application/json"]) == "application/json":
        listed = [{"name": name, "ok": ok, "text": text} for name, ok, text in results]
        return _reply(code, json.dumps({"status": status, "checks": listed}) + "\n", "application/json")
    lines = [f"[{'+' if ok else '-'}] {name} {text}" for name, ok, text in results] if "verbose" in request.args else []
    return _reply(code, "".join(f"{line}\n" for line in (status, *lines)))


def _reply(code: int, body: str, kind: str = "text/plain; charset=utf-8") -> Response:
    return Response(body, code, {"Cache-Control": "no-store"}, content_type=kind)

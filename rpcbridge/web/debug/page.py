"""What every page of the inspector is given, and the two forms it is shown in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, render_template, request

from rpcbridge.platforms import Platform
from rpcbridge.simulation import Simulation
from rpcbridge.trace.recorder import Trace
from rpcbridge.translation import Translator
from rpcbridge.web.debug.sessions import Sessions
from rpcbridge.web.guard import DebugGuard


@dataclass(frozen=True, slots=True)
class Debug:
    """What the debug pages show, who may see them, whether nothing is masked in it, and what places simulated calls and replays.

    secret_menus: those of which every digit is masked. By the platform's name: the platforms, whether their paths end in a
    secret, what translates for them.
    ending: whether this process is about to stop. streams: live streams it may have at once, each of which holds a thread.
    """

    trace: Trace
    guard: DebugGuard
    sessions: Sessions
    reveal: bool = False
    secret_menus: tuple[str, ...] = ()
    phone: Simulation | None = None  # None in a process that serves nobody
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    secrets: Mapping[str, bool] = field(default_factory=dict)
    translators: Mapping[str, Translator] = field(default_factory=dict)
    ending: Callable[[], bool] = lambda: False
    streams: int = 4


def shown(status: int, content: Mapping[str, Any], template: str, **values: Any) -> Response:
    """`content` as JSON where that is wanted, else as a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    if best == "application/json":
        text, kind = json.dumps(content, ensure_ascii=False, indent=2) + "\n", "application/json"
    else:
        text, kind = render_template(template, **values), "text/html; charset=utf-8"
    response = Response(text.encode("utf-8", "replace"), status, content_type=kind)  # half a character is no reason to fail
    response.headers["Vary"] = "Accept"
    return response


def said(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """One line of text, as JSON where that is wanted: for what is no page."""
    if request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain") == "application/json":
        return Response(json.dumps({"error": text}) + "\n", status, headers, content_type="application/json")
    return Response(f"{text}\n", status, headers, content_type="text/plain; charset=utf-8")

"""The last exchanges one by one, and each at its five stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from rpcbridge.inspector import heard
from rpcbridge.inspector.words import failed
from rpcbridge.web.debug.call import diffs_of
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.debug.stations import station_views

_PAGE = 100  # exchanges a list shows


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The pages of single exchanges."""

    @blueprint.get("/exchanges")
    def exchanges() -> Response:
        before, call_id = request.args.get("before", ""), request.args.get("call_id", "")
        rows = debug.trace.looked_up(lambda store: store.recent(_PAGE + 1, before=before, call_id=call_id))
        kept, dropped = debug.trace.looked_up(lambda store: store.counts())
        _, recording, state = debug.trace.check()
        older = rows[_PAGE - 1]["id"] if len(rows) > _PAGE else None
        listed = {
            "exchanges": rows[:_PAGE], "older": older, "kept": kept, "dropped": dropped,
            "recording": recording, "state": state, "revealed": debug.reveal,
        }  # fmt: skip
        return shown(200, listed, "exchanges.html", call_id=call_id, before=before, **listed)

    @blueprint.get("/exchanges/<id>")
    def exchange(id: str) -> Response:
        found = debug.trace.looked_up(lambda store: store.exchange(id.upper()))
        if found is None:
            detail = f"No exchange {id[:40]} is kept: it is too old, was dropped, or never was."
            return shown(404, {"error": detail}, "error.html", title="Not found", detail=detail)
        done = heard.done(found["stations"]["event"], found["masked"])
        return shown(
            200, found, "exchange.html", seen=found, views=station_views(found), diffs=diffs_of(found, debug), line=_line(found),
            done=done, sentences=heard.heard(found["served"], deferred=bool(found.get("deferred"))), revealed=debug.reveal,
        )  # fmt: skip


_WIDTH = 1000  # units of the drawing, whatever the page's width


def _line(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts on a line of time that the whole exchange fills: where each begins, how wide it is."""
    total: float = max(seen["total_ms"], 0.1)

    def place(milliseconds: float) -> float:
        return round(min(milliseconds / total, 1.0) * _WIDTH, 1)

    return [
        {"x": min(place(a["started_ms"]), _WIDTH - 2.0), "width": max(place(a["ms"]), 2.0), "failed": failed(a), **a}
        for a in seen["attempts"]
    ]

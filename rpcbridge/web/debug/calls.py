"""The list of calls: a row a call, searched by its address; what belongs to no call stands between them by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for

from rpcbridge.inspector.calls import Call, call_of
from rpcbridge.platforms import discovered
from rpcbridge.trace.queries import Queries, Search
from rpcbridge.trace.store import Store
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.debug.search import ORIGINS, Asked, asked
from rpcbridge.web.debug.times import PERIODS

_PAGE = 50  # calls a list shows

# How it is called what a call came to, and what the caller got of it.
_OUTCOMES = {
    "not_stored": "not stored", "dead_letter": "dead letter", "fallback": "fallback", "refused": "refused",
    "postponed": "delivery waits", "ended": "ended", "under_way": "under way",
}  # fmt: skip
_FIRST = {"number", "call", "outcome", "last"}  # the filters that are in sight without being asked for
_KINDS = {"calls": "calls only", "rest": "what belongs to no call"}


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page that everybody enters by."""

    @blueprint.get("/")
    def calls() -> Response:
        if any(not value for value in request.args.values()):  # a form sends its empty fields, too
            return _moved({name: value for name, value in request.args.items() if value})
        wanted = asked(request.args, debug.trace.pseudonym, datetime.now(UTC), reveal=debug.reveal)
        if wanted.faults:
            problems = [{"field": field, "message": message} for field, message in wanted.faults]
            error = "; ".join(f"{field}: {message}" for field, message in wanted.faults)
            return shown(400, {"error": error, "problems": problems}, "calls.html", **_form(wanted), problems=problems, revealed=debug.reveal)
        found = debug.trace.looked_up(lambda store: _found(store, wanted.search, wanted.before))
        _, recording, state = debug.trace.check()
        found |= {"recording": recording, "state": state, "revealed": debug.reveal}
        return shown(200, found, "calls.html", **_form(wanted), problems=(), **found)


def _moved(given: Mapping[str, str]) -> Response:
    """To an address without what is empty."""
    return Response(b"", 302, {"Location": url_for("debug.calls") + ("?" + urlencode(given) if given else ""), "Vary": "Accept"})


def _found(store: Store, search: Search, before: int) -> dict[str, Any]:
    queries = Queries(store.engine)
    newest = queries.newest()  # first: what comes while we look is told by the stream
    page = queries.page(search, _PAGE, before)
    calls = [call_of(exchanges) for exchanges in page.calls]
    statuses = queries.statuses([call.ended_by for call in calls if call.outcome == "ended"])
    kept, dropped = store.counts()
    return {
        "calls": [_row(call, statuses) for call in calls], "older": page.older or None, "newest": newest,
        "kept": kept, "dropped": dropped,
    }  # fmt: skip


def _row(call: Call, statuses: Mapping[str, str]) -> dict[str, Any]:
    return asdict(call) | {"call_status": statuses.get(call.ended_by)}


def _form(wanted: Asked) -> dict[str, Any]:
    """What the form offers, and what is written in it."""
    given = dict(wanted.given)
    filters = {name: value for name, value in given.items() if name != "before"}
    return {
        "given": given, "filters": filters, "rarer": bool(filters.keys() - _FIRST), "before": wanted.before,
        "outcomes": _OUTCOMES, "origins": ORIGINS, "kinds": _KINDS,
        "periods": PERIODS, "platforms": sorted({*discovered(), *filter(None, [given.get("platform")])}),
    }  # fmt: skip

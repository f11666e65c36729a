"""One call: what went wrong, the ladder, and every turn at its five stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from rpcbridge.inspector import fields, story
from rpcbridge.web.debug.drawing import ladder_of
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.debug.stations import station_views

MOST = 200  # exchanges of a call that its page shows
_COLOURED = 60  # of them in colours: a person reads no more, and callers wait for the same processor
_OPEN = 4  # turns whose stations are open from the start; of longer calls only those in which something went wrong


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page of a call."""

    @blueprint.get("/call")
    def call() -> Response:
        call_id = request.args.get("id", "").strip()
        documents = debug.trace.looked_up(lambda store: store.documents_of(call_id, MOST + 1)) if call_id else []
        if not documents:
            return _missing(call_id)
        more, documents = len(documents) > MOST, documents[:MOST]
        told = story.told(documents)
        return shown(
            200, _content(told, documents, more), "call.html", call=told, more=more, most=MOST, revealed=debug.reveal,
            ladder=ladder_of(told), turns=[_turn(part, place, len(told.parts), debug) for place, part in enumerate(told.parts)],
        )  # fmt: skip


def diffs_of(seen: Mapping[str, Any], debug: Debug) -> tuple[tuple[str, fields.Diff], ...]:
    """What became of each field, from request to event and from answer to reply; nothing of a delivery."""
    platform = debug.platforms.get(seen["platform"])
    if platform is None or not seen["stations"]["platform_request"]["body"]:
        return ()
    keeps = platform.conversation is not None
    told = (("Request → event", fields.event_fields(seen, platform, keeps=keeps)),) if seen["stations"]["event"] else ()
    return (*told, ("Answer → reply", fields.reply_fields(seen, platform, keeps=keeps))) if seen.get("served") else told


def _turn(part: story.Part, place: int, count: int, debug: Debug) -> dict[str, Any]:
    views = station_views(part.seen, colours=place < _COLOURED)
    return {"part": part, "seen": part.seen, "stations": views, "diffs": diffs_of(part.seen, debug), "open": count <= _OPEN or bool(part.mark)}


def _missing(call_id: str) -> Response:
    said = f"No exchange of call {call_id[:200]} is kept: it is too old, was dropped, or never was." if call_id else "The address names no call: /debug/call?id=…"
    return shown(404, {"error": said}, "error.html", title="Not found", detail=said)


def _content(told: story.Story, documents: Sequence[Mapping[str, Any]], more: bool) -> dict[str, Any]:
    """The page as JSON: each exchange's document, and what the page says of it."""
    said = {part.id: {"name": part.name, "done": part.done, "heard": part.heard} for part in told.parts}
    return {
        "call_id": told.call_id, "origin": told.origin, "replay_of": told.replay_of, "started": told.started, "platform": told.platform,
        "caller": told.caller, "called": told.called, "summary": told.summary, "ended": told.ended,
        "troubles": [asdict(trouble) for trouble in told.troubles], "more": more,
        "exchanges": [{**seen, **said[seen["id"]]} for seen in documents],
    }  # fmt: skip

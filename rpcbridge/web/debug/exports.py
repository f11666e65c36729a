"""A recorded call to be taken away: as HAR, JSON, SVG, or a pytest file with its cassette; each exchange as curl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from rpcbridge import __version__
from rpcbridge.inspector import curl
from rpcbridge.inspector.exports import FORMS, Around, File
from rpcbridge.web.debug.drawing import as_svg
from rpcbridge.web.debug.page import Debug, shown

# The URL's ending -> the form.
_FORMS = {"har": FORMS["har"], "json": FORMS["json"], "zip": FORMS["pytest"], "svg": as_svg}


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The files, and `curls(document)` for the pages."""

    @blueprint.get("/call.<any(har, json, zip, svg):ending>")
    def export(ending: str) -> Response:
        call_id = request.args.get("id", "")
        documents = debug.trace.looked_up(lambda store: store.documents_of(call_id)) if call_id else []
        if not documents:
            return _missing(f"No exchange of a call {call_id[:80]} is kept: it is too old, was dropped, or never was.")
        file = _FORMS[ending](documents, _around(debug))
        if file is None:
            return _missing(f"The backend was asked nothing in call {call_id[:80]}: there is nothing to ask it again.")
        return _attached(file)

    @blueprint.context_processor
    def _curl() -> dict[str, Any]:
        return {"curls": lambda document: _curls(document, debug)}


def _around(debug: Debug) -> Around:
    names = {name: platform.fields for name, platform in debug.platforms.items()}
    statuses = {name: platform.statuses for name, platform in debug.platforms.items()}
    return Around(request.host_url, __version__, debug.secrets, names, statuses)


def _curls(document: Mapping[str, Any], debug: Debug) -> list[dict[str, str]]:
    """The commands of an exchange's hops, as far as it came."""
    name = document["platform"]
    fields = debug.platforms[name].fields if name in debug.platforms else None
    hops = {
        "bridge": ("phone system → bridge", curl.to_bridge(document, request.host_url, secret=debug.secrets.get(name, False), fields=fields)),
        "backend": ("bridge → backend", curl.to_backend(document)),
    }
    return [{"name": name, "title": title, "text": text} for name, (title, text) in hops.items() if text]


def _attached(file: File) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.body, 200, headers, content_type=file.content_type)


def _missing(detail: str) -> Response:
    return shown(404, {"error": detail}, "error.html", title="Not found", detail=detail)

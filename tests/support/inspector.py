"""The routes of the inspector as the application itself lists them, so that a page is tested by being there."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import structlog
from werkzeug.routing import AnyConverter, Rule

from rpcbridge.app import build
from rpcbridge.plan import configured

SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule under /debug, of a bridge with a token."""
    settings = {
        "backend.url": "http://127.0.0.1:9", "debug.enabled": True, "debug.token": "a-token-of-20-letters",
        "database.url": f"sqlite:///{tempfile.gettempdir()}/rpcbridge-never-opened/x.db",
    }  # fmt: skip
    try:
        app = build(configured(Path("/dev/null"), settings, environment={})).app
    finally:
        structlog.reset_defaults()  # the application's is not for whatever test comes next
    return tuple(rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/debug"))


def filled(rule: Rule, **values: str) -> str:
    """A rule's path with these values in the places of these names, and something else in all others."""
    words = {name: sorted(place.items)[0] for name, place in rule._converters.items() if isinstance(place, AnyConverter)}
    values = {"filename": "debug.css"} | words | values
    _, path = rule.build({name: values.get(name, SOME_ID) for name in rule.arguments}) or ("", "")
    return path

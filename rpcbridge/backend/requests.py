"""One event -> the HTTP request the backend gets: path, encoding, headers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from rpcbridge import __version__
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.settings import Backend
from rpcbridge.transport import HttpRequest

_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # made once, not for every event


class RequestWriter:
    """Writes the requests of one configuration. Pure."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        static = [*backend.headers, ("User-Agent", f"rpcbridge/{__version__}"), ("Rpcbridge-Contract", "1")]
        if backend.auth:
            static.append(("Authorization", _authorization(backend.auth)))
        self._static = (("Accept", "application/json"), *static)

    def written(self, base_url: str, event: Mapping[str, Any], traceparent: str) -> HttpRequest:
        """The request without the headers that change with every attempt.

        Raises NoUsableAnswer (`unsafe_path`) where a value must not stand in a path.
        """
        question = event["event"] == "action_requested"
        template = self._backend.action_path if question else self._backend.events_path
        url = base_url + _filled(template, event)
        encoding = self._backend.encoding
        headers = [*self._static, ("Idempotency-Key", event["event_id"]), ("webhook-id", event["event_id"]), ("traceparent", traceparent)]
        if encoding == "query" and question:
            url += ("&" if "?" in url else "?") + urlencode(_flat(event))
            return HttpRequest(url, tuple(headers))
        form = encoding != "json"
        body = urlencode(_flat(event)) if form else _ENCODER.encode(event)
        headers.append(("Content-Type", _TYPES["form" if form else "json"]))
        return HttpRequest(url, tuple(headers), body.encode("utf-8", "replace"))


def _filled(template: str, event: Mapping[str, Any]) -> str:
    """The path with its placeholders filled in; `..` survives percent-encoding, so it never gets there."""
    if "{" not in template:
        return template

    def value(placeholder: re.Match[str]) -> str:
        text = str(event.get(placeholder[1], ""))
        if text in ("", ".", ".."):
            name = placeholder[1]
            raise NoUsableAnswer("unsafe_path", f"{name}: {text!r} cannot stand in the path {template}")
        return quote(text, safe="")

    return re.sub(r"\{(\w+)\}", value, template)


def _flat(event: Mapping[str, Any]) -> dict[str, str]:
    """The event for a form: null left out, true and false in words, objects and arrays as JSON text."""
    return {name: _word(value) for name, value in event.items() if value is not None}


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _authorization(auth: str) -> str:
    scheme, _, credentials = auth.partition(" ")
    if scheme == "bearer":
        return f"Bearer {credentials}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()

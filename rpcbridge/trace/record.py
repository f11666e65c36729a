"""What was noted of one exchange -> what is kept of it: the columns a list shows, and a document of the five stations. Pure.

The document's shape is what `/debug/exchanges/<id>` gives as JSON. Columns are masked as the document is.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection
from typing import Any

import orjson

from rpcbridge.domain.origins import origin_of
from rpcbridge.redaction import Known, Redactor
from rpcbridge.trace.noted import Noted, Payload

# What callers get is mostly what others got, too; and who rings again has his number.
_REMEMBERED = 256

Row = dict[str, Any]


class Recorder:
    """Makes rows of exchanges; knows what must not be read in them."""

    def __init__(self, redactor: Redactor, secret_menus: Collection[str]) -> None:
        self._redactor = redactor
        self._secret_menus = frozenset(secret_menus)
        self._number = functools.lru_cache(_REMEMBERED)(self._number_shown)
        self._same_served = functools.lru_cache(_REMEMBERED)(self._served_by_name)

    def pseudonym(self, number: str) -> str:
        """What stands for a number in the columns `caller_key` and `called_key`."""
        return self._redactor.pseudonym(number)

    def row(self, seen: Noted) -> Row:
        """The row of `exchanges`, and its document as JSON."""
        said: dict[str, Any] | None = None if seen.event is None else json.loads(seen.event)
        known = self._known(said)
        event = self._redactor.fields(said or {}, known)
        served = None if seen.served is None else self._served(seen.served, known)
        document = _as_json(self._document(seen, known, said, event, served))
        caller, caller_key = self._number(_text((said or {}).get("caller_number")))
        called, called_key = self._number(seen.called_number)
        call_id = str(said.get("call_id", "")) if said else ""
        return {
            "id": seen.id,
            "platform": seen.platform,
            "call_id": _storable(call_id)[:200],
            "method": _storable(self._redactor.remark(seen.method, known)),
            "dialect": seen.dialect,
            "outcome": seen.outcome,
            "action": seen.action,
            "reason": seen.fallback_reason,
            "event": _text(event.get("event")),
            "turn": event.get("turn"),
            "menu": _column(event.get("menu")),
            "digits": _column(event.get("digits"))[:40],
            "next_menu": _column((served or {}).get("menu")),
            "failure_menu": _column((served or {}).get("on_failure", {}).get("menu")),
            "origin": origin_of(call_id),
            "caller": caller,
            "caller_key": caller_key,
            "called": called,
            "called_key": called_key,
            "attempts": seen.attempt or seen.attempted,
            "repairs": seen.repaired,
            "backend_ms": _ms(seen.backend),
            "total_ms": _ms(seen.finished - seen.arrived),
            "size": len(document),
            "document": document,
        }

    def _number_shown(self, number: str) -> tuple[str, str]:
        return _storable(self._redactor.number(number))[:80], self._redactor.pseudonym(number)

    def _served(self, action: bytes, known: Known) -> dict[str, Any]:
        """What the caller got. Most callers get what others got: that is masked once, and then only looked through for a call's own values."""
        shown, texts = self._same_served(action, known.secret_digits)
        return self._redactor.fields(json.loads(action), known) if known.stands_in(texts) else shown

    def _served_by_name(self, action: bytes, secret_digits: bool) -> tuple[dict[str, Any], str]:
        return self._redactor.repeated_fields(json.loads(action), secret_digits=secret_digits)

    def _document(
        self, seen: Noted, known: Known, said: dict[str, Any] | None, event: dict[str, Any], served: dict[str, Any] | None
    ) -> dict[str, Any]:
        hide = self._redactor
        is_event = said is not None and "event" in said  # else what is known of the call, and the backend is told nothing
        return {
            "trace_id": seen.traceparent[3:35],
            "shared": seen.shared,
            # To ten milliseconds: each call in flight has one less than the one before it, which tells nobody anything.
            "deadline_ms": round((seen.deadline - seen.arrived) * 100) * 10,
            "detail": seen.detail and (hide.quoting if seen.detail_quotes else hide.remark)(seen.detail, known)[:2000],
            "repairs": [{"kind": kind, "path": path, "detail": hide.repair(path, detail, known)} for kind, path, detail in seen.repairs],
            "attempts": [
                {
                    "number": number, "started_ms": _ms(started - seen.arrived), "ms": _ms(seconds), "status": status, "reason": reason,
                    "message": hide.remark(message, known) if message else "",
                }
                for number, (started, seconds, reason, status, message) in enumerate(seen.attempts, seen.attempt or 1)
            ],
            "served": served,
            "deferred": seen.deferred,
            "about": event if event and not is_event else None,
            "native": seen.action == "native",
            "masked": [] if said is None else [name for name, value in event.items() if value is not said[name] and value != said[name]],
            "stations": self._stations(seen, known, event if is_event else None),
        }  # fmt: skip

    def _stations(self, seen: Noted, known: Known, event: dict[str, Any] | None) -> dict[str, Any]:
        """What stood at each station; None where the exchange did not come so far.

        An event that was sent as JSON is kept once: `restored` makes the request's body of it again.
        """
        hide = self._redactor
        sent: dict[str, Any] | None = None
        if seen.sent is not None:
            method, url, headers, body = seen.sent
            sent = {"method": method, "url": hide.url(url, known), "headers": hide.headers(headers, known), **self._payload(body, known)}
        got: dict[str, Any] | None = None
        if seen.got is not None:
            status, headers, body = seen.got
            got = {"status": status, "headers": hide.headers(headers, known), **self._payload(body, known, repeats=True)}
        replied = self._payload(seen.platform_response, known, repeats=True)
        if seen.said:
            replied["body"] = hide.said(replied["body"], seen.said)
        return {
            "platform_request": self._payload(seen.platform_request, known),
            "event": event,
            "backend_request": sent,
            "backend_response": got,
            "platform_response": replied,
        }

    def _payload(self, payload: Payload, known: Known, *, repeats: bool = False) -> dict[str, Any]:
        size, text = payload
        return {"size": size, "body": text and self._redactor.payload(text, known, repeats=repeats)}

    def _known(self, said: dict[str, Any] | None) -> Known:
        if said is None:
            return Known(secret_digits=bool(self._secret_menus))  # which menu it was cannot be told
        untold = "event" not in said and bool(self._secret_menus)  # as little
        numbers = tuple(_text(said.get(name)) for name in ("caller_number", "called_number", "target"))
        digits, secret = _text(said.get("digits")), untold or said.get("menu") in self._secret_menus
        ids = (_text(said.get("call_id")),)
        return Known(numbers, (_text(said.get("caller_name")),), digits, ids=ids, secret_digits=secret)


def restored(document: dict[str, Any]) -> dict[str, Any]:
    """A document as it was recorded, with the body of a request that held nothing but the event."""
    sent = document["stations"]["backend_request"]
    if sent is not None and sent["body"] is None:
        sent["body"] = json.dumps(document["stations"]["event"], ensure_ascii=False, separators=(",", ":"))
    return document


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _column(value: object) -> str:
    return _storable(value)[:200] if isinstance(value, str) else ""


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _as_json(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:  # an integer of more than 64 bits, or half a character
        return _storable(json.dumps(document, ensure_ascii=False, separators=(",", ":"))).encode()


def _storable(text: str) -> str:
    """`text` without what no database takes: half characters, and the NUL that PostgreSQL refuses."""
    if text.isascii() and text.isprintable():
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "")

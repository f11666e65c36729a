"""One exchange -> what is kept of it: the columns a list shows, and a document of the five stations. Pure.

The document's shape is what `/debug/exchanges/<id>` gives as JSON. Columns are masked as the document is.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection
from typing import Any

import orjson

from rpcbridge.codec import readable
from rpcbridge.domain.actions import AnyAction, SayDigits
from rpcbridge.domain.origins import origin_of
from rpcbridge.exchange import Attempt, Exchange
from rpcbridge.redaction import Known, Redactor
from rpcbridge.schemas import actions
from rpcbridge.transport import HttpReply

# Characters of one payload that are kept; a longer one is a mistake whose beginning tells enough.
LONGEST = 16_384

# What a backend answers and a caller gets is mostly what others got, too: so many of these, each at most so long, are remembered.
_REMEMBERED, _SHORT = 256, 2048

Row = dict[str, Any]


class Recorder:
    """Makes rows of exchanges; knows what must not be read in them."""

    def __init__(self, redactor: Redactor, secret_menus: Collection[str]) -> None:
        self._redactor = redactor
        self._secret_menus = frozenset(secret_menus)
        self._text = functools.lru_cache(_REMEMBERED)(readable)
        self._number = functools.lru_cache(_REMEMBERED)(self._number_shown)
        self._same_served = functools.lru_cache(_REMEMBERED)(self._served_by_name)

    def pseudonym(self, number: str) -> str:
        """What stands for a number in the columns `caller_key` and `called_key`."""
        return self._redactor.pseudonym(number)

    def row(self, seen: Exchange) -> Row:
        """The row of `exchanges`, and its document as JSON."""
        known, said = self._known(seen), seen.content or {}
        event = self._redactor.fields(said, known)
        action = None if seen.served is None else seen.served()
        served = None if action is None else self._served(action, known)
        document = _as_json(self._document(seen, known, event, served, action.digits if isinstance(action, SayDigits) else ""))
        caller, caller_key = self._number(_text(said.get("caller_number")))
        called, called_key = self._number(seen.called_number or "")
        attempts = seen.hop.attempts
        return {
            "id": seen.id,
            "platform": seen.platform,
            "call_id": _storable(seen.call_id)[:200],
            "method": _storable(self._redactor.remark(seen.method[:80], known)),
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
            "origin": origin_of(seen.call_id),
            "caller": caller,
            "caller_key": caller_key,
            "called": called,
            "called_key": called_key,
            "attempts": seen.attempt or len(attempts),
            "repairs": len(seen.repairs),
            "backend_ms": _ms(attempts[0].seconds if len(attempts) == 1 else sum(attempt.seconds for attempt in attempts)),
            "total_ms": _ms(seen.finished - seen.arrived),
            "size": len(document),
            "document": document,
        }

    def _number_shown(self, number: str) -> tuple[str, str]:
        return _storable(self._redactor.number(number))[:80], self._redactor.pseudonym(number)

    def _served(self, action: AnyAction, known: Known) -> dict[str, Any]:
        """What the caller got. Most callers get what others got: that is masked once, and then only looked through for a call's own values."""
        try:
            shown, texts = self._same_served(action, known.secret_digits)
        except TypeError:  # it holds what has no hash
            return self._redactor.fields(actions.dump(action), known)
        return self._redactor.fields(actions.dump(action), known) if known.stands_in(texts) else shown

    def _served_by_name(self, action: AnyAction, secret_digits: bool) -> tuple[dict[str, Any], str]:
        return self._redactor.repeated_fields(actions.dump(action), secret_digits=secret_digits)

    def _document(self, seen: Exchange, known: Known, event: dict[str, Any], served: dict[str, Any] | None, digits: str) -> dict[str, Any]:
        """`digits`: what is said to the caller."""
        hide, said = self._redactor, seen.content or {}
        is_event = "event" in said  # else what is known of the call, and the backend is told nothing
        return {
            "trace_id": seen.traceparent[3:35],
            "shared": seen.shared,
            # To ten milliseconds: each call in flight has one less than the one before it, which tells nobody anything.
            "deadline_ms": round((seen.deadline - seen.arrived) * 100) * 10,
            "detail": seen.detail and (hide.quoting if seen.detail_quotes else hide.remark)(seen.detail, known)[:2000],
            "repairs": [{"kind": r.kind, "path": r.path, "detail": hide.repair(r.path, r.detail, known)} for r in seen.repairs[:100]],
            "attempts": [
                _attempt(a, number, seen.arrived, hide.remark(a.message, known) if a.message else "")
                for number, a in enumerate(seen.hop.attempts[:100], seen.attempt or 1)
            ],
            "served": served,
            "deferred": seen.deferred,
            "about": event if event and not is_event else None,
            "native": seen.action == "native",
            "masked": [name for name, value in event.items() if value is not said[name] and value != said[name]],
            "stations": self._stations(seen, known, event if is_event else None, digits),
        }

    def _stations(self, seen: Exchange, known: Known, event: dict[str, Any] | None, digits: str) -> dict[str, Any]:
        """What stood at each station; None where the exchange did not come so far.

        An event that was sent as JSON is kept once: `restored` makes the request's body of it again.
        """
        hop, hide = seen.hop, self._redactor
        sent: dict[str, Any] | None = None
        if hop.request is not None:
            body = hop.request.body or b""
            sent = {"method": hop.request.method, "url": hide.url(hop.request.url, known)}
            sent["headers"] = hide.headers(hop.request.headers, known)
            sent |= {"size": len(body), "body": None} if body[:1] == b"{" else self._payload(body, known)
        got: dict[str, Any] | None = None
        if hop.reply is not None:
            headers = hide.headers(_headers(hop.reply), known)
            got = {"status": hop.reply.status, "headers": headers, **self._payload(hop.reply.body, known, repeats=True)}
        replied = self._payload(seen.platform_response, known, repeats=True)
        if digits:
            replied["body"] = hide.said(replied["body"], digits)
        return {
            "platform_request": self._payload(seen.platform_request, known) | {"size": len(seen.platform_request) + seen.let_go},
            "event": event,
            "backend_request": sent,
            "backend_response": got,
            "platform_response": replied,
        }

    def _payload(self, body: bytes, known: Known, *, repeats: bool = False) -> dict[str, Any]:
        text = self._text(body) if repeats and len(body) <= _SHORT else readable(body[:LONGEST])
        return {"size": len(body), "body": self._redactor.payload(text, known, repeats=repeats)}

    def _known(self, seen: Exchange) -> Known:
        said = seen.content
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


def _headers(reply: HttpReply) -> list[tuple[str, str]]:
    wait = "" if reply.retry_after is None else f"{reply.retry_after:g}"
    told = (("Content-Type", reply.content_type), ("Location", reply.location), ("Retry-After", wait))
    return [(name, value) for name, value in told if value]


def _attempt(attempt: Attempt, number: int, arrived: float, message: str) -> dict[str, Any]:
    return {
        "number": number, "started_ms": _ms(attempt.started - arrived), "ms": _ms(attempt.seconds), "status": attempt.status,
        "reason": attempt.reason, "message": message,
    }  # fmt: skip


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

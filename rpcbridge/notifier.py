"""The short line out: an event from the outbox -> the backend. One attempt; the outbox says when there is another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rpcbridge.backend import Client, Routes
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.outbox import Claimed, Delivery

_GONE = 410  # HTTP: this is wanted no more, and never will be
# What no later attempt could put right.
_FINAL = {"unsafe_path"}


class Notifier:
    """Delivers events; each attempt is an exchange of its own, seen like every other."""

    def __init__(self, client: Client, routes: Routes[Any], around: Surroundings, *, timeout: float, tries: int) -> None:
        self._client = client
        self._routes = routes
        self._around = around
        self._timeout = timeout
        self._tries = tries

    def __call__(self, claimed: Claimed) -> Delivery:
        """One attempt."""
        seen, around = self._begun(claimed), self._around
        url = self._routes.of(seen.called_number).url
        try:
            self._client.deliver(url, claimed.content, self._timeout, claimed.traceparent, claimed.attempt, seen.hop)
            delivery, seen.outcome = Delivery(), "delivered"
        except NoUsableAnswer as failure:
            delivery = _failed(failure, seen)
            seen.outcome = "dead_letter" if delivery.final or claimed.attempt >= self._tries else "postponed"
            seen.fallback_reason, seen.detail = failure.reason, str(failure)
        seen.finished = around.clock()
        with suppress(Exception):
            around.observe(seen)
        return delivery

    def _begun(self, claimed: Claimed) -> Exchange:
        content, around = claimed.content, self._around
        started = around.clock()
        return Exchange(
            around.new_id(), str(content.get("platform", "")), started, around.now(), claimed.traceparent, started + self._timeout,
            dialect="json", method=str(content.get("event", "")), content=content, called_number=_text(content, "called_number"),
            attempt=claimed.attempt,
        )  # fmt: skip


def _failed(failure: NoUsableAnswer, seen: Exchange) -> Delivery:
    reply = seen.hop.reply
    final = failure.reason in _FINAL or (reply is not None and reply.status == _GONE)
    return Delivery(f"{failure.reason}: {failure}", (reply.retry_after or 0.0) if reply else 0.0, final)


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    return value if isinstance(value, str) else None

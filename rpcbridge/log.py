"""Structured log lines on stderr: JSON, one object a line. Never digits, numbers or bodies."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import Any

import structlog

from rpcbridge.domain.events import ActionRequested
from rpcbridge.exchange import Exchange

_QUIET = ("answered", "delivered", "introspected", "unpacked")
_QUOTED = re.compile(r"""(["']).*?\1""")


def configure() -> None:
    """Set up structlog once per process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(_Unfailing()),  # type: ignore[arg-type]  # it needs no more of a file
        cache_logger_on_first_use=True,
    )


class _Unfailing:
    """Standard error; a full disk or a closed pipe behind it costs the line, never the call."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def exchange_line(seen: Exchange, deadline: float) -> dict[str, Any]:
    """What is said of one exchange."""
    event, hop = seen.event, seen.hop
    line: dict[str, Any] = {
        "trace_id": seen.traceparent[3:35],
        "platform": seen.platform,
        "method": seen.method[:80],
        "dialect": seen.dialect,
        "outcome": seen.outcome,
        "total_ms": _ms(seen.finished - seen.arrived),
        "deadline_ms": _ms(deadline),
    }
    if event is not None:
        line |= {"call_id": event.call_id, "event_id": event.event_id}
        if isinstance(event, ActionRequested):
            line |= {"menu": event.menu if isinstance(event.menu, str) else None, "digits_length": len(event.digits)}
    if seen.action:
        line["action"] = seen.action
    if hop.attempts:
        last = hop.attempts[-1]
        line |= {"attempt": len(hop.attempts), "http_status": last.status}
        line["backend_ms"] = _ms(sum(attempt.seconds for attempt in hop.attempts))
    if seen.fallback_reason:
        line |= {"fallback_reason": seen.fallback_reason, "detail": _masked(seen.detail) if seen.detail_quotes else seen.detail}
    if seen.repairs:
        line["repairs"] = sorted({f"{repair.kind} {repair.path}".strip() for repair in seen.repairs})
    if seen.shared:
        line["shared"] = True
    return line


class ExchangeLog:
    """Says one line an exchange; a warning where a caller got a fallback or an event was not delivered."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._log = structlog.get_logger()

    def __call__(self, seen: Exchange) -> None:
        say = self._log.info if seen.outcome in _QUIET else self._log.warning
        say("exchange", **exchange_line(seen, self._deadline))

    def report_bug(self, reference: str) -> None:
        """An error nobody foresaw, with its traceback; called while it is being handled."""
        self._log.error("internal_error", reference=reference, exc_info=True)


def _masked(detail: str) -> str:
    """What was wrong, without what may be a phone number or digits a caller pressed."""
    return re.sub(r"[0-9]{6,}", "…", _QUOTED.sub(lambda quoted: re.sub("[0-9]+", "…", quoted[0]), detail))[:500]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

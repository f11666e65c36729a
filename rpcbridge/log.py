"""Structured log lines on stderr: JSON, one object a line; in colours on a terminal. Never digits, numbers or bodies."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from rpcbridge.background import Batches
from rpcbridge.domain.origins import origin_of
from rpcbridge.exchange import Attempt, Exchange
from rpcbridge.redaction import without_quotes

_QUIET = ("answered", "continued", "stored", "noted", "duplicate", "delivered", "introspected", "unpacked", "ordered")
_WAITING = 8 * 1024 * 1024  # characters of lines that may wait for whoever reads them


def configure(*, behind: bool = False) -> None:
    """Set up structlog once per process. `behind`: lines are written by a thread of their own.

    A pipe that nobody empties would else hold up whoever has something to say, the callers' threads first.
    """
    global _written
    file = _Behind() if behind else _Unfailing()
    render = (_for_a_person, _coloured()) if _on_terminal() else (_AS_JSON,)
    _written = _Lines(file, render)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _in_order,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file),  # type: ignore[arg-type]  # it needs no more of a file
        cache_logger_on_first_use=True,
    )


def _on_terminal() -> bool:
    with contextlib.suppress(ValueError, AttributeError):  # closed, or replaced by something without a terminal
        return sys.stderr.isatty()
    return False


def _coloured() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in os.environ, sort_keys=False, pad_event_to=18, exception_formatter=structlog.dev.plain_traceback
    )


def _in_order(logger: WrappedLogger, name: str, said: EventDict) -> EventDict:
    """When, how bad, what; then the rest as it was said."""
    when = said.pop("timestamp", None) or _iso(datetime.now(UTC))
    return {"timestamp": when, "level": said.pop("level"), "event": said.pop("event"), **said}


def _for_a_person(logger: WrappedLogger, name: str, said: EventDict) -> EventDict:
    """Without what only machines search for, so that a line fits."""
    return {key: value for key, value in said.items() if key not in _FOR_MACHINES} | {"timestamp": said["timestamp"][11:23]}


_FOR_MACHINES = ("trace_id", "deadline_ms", "digits_length", "platform")
def _json(said: EventDict, **_: Any) -> str:
    try:
        return orjson.dumps(said, default=str).decode()
    except TypeError:  # an integer of more than 64 bits, or half a character
        return json.dumps(said, default=str)


_AS_JSON = structlog.processors.JSONRenderer(_json)


class _Lines:
    """Lines of exchanges, rendered as structlog renders every other line, without its steps before that.

    There is one for every request, on a caller's way: the steps cost as much as all the rest of the line.
    """

    def __init__(self, file: _Unfailing | _Behind, render: Sequence[Processor]) -> None:
        self._file = file
        self._render = render

    def say(self, level: str, event: str, line: Mapping[str, Any]) -> None:
        said: Any = {"timestamp": line.get("timestamp") or _iso(datetime.now(UTC)), "level": level, "event": event, **line}
        for step in self._render:
            said = step(None, level, said)
        self._file.write(f"{said}\n")
        self._file.flush()


class _Unfailing:
    """Standard error; a full disk or a closed pipe behind it costs the line, never the call."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


class _Behind:
    """Standard error behind a bounded queue; lines that find it full are counted, and that is said when it empties."""

    def __init__(self) -> None:
        self._file = _Unfailing()
        self._batches: Batches[str] = Batches("log", self._take, limit=_WAITING)

    def write(self, text: str) -> None:
        self._batches.put(text, len(text))

    def flush(self) -> None:
        """Done by the thread that writes."""

    def _take(self, lines: list[str], dropped: int) -> None:
        self._file.write("".join(lines))
        self._file.flush()
        if dropped:
            structlog.get_logger().warning("log_lines_dropped", count=dropped)


def exchange_line(seen: Exchange, deadline: float) -> dict[str, Any]:
    """What is said of one exchange; what does not apply is left out."""
    content, hop = seen.content or {}, seen.hop
    question = content if content.get("event") == "action_requested" else {}
    line: dict[str, Any] = {
        "trace_id": seen.traceparent[3:35],
        "call_id": content.get("call_id"),
        "origin": origin_of(seen.call_id) or None,
        "event_id": content.get("event_id"),
        "turn": question.get("turn"),
        "platform": seen.platform,
        "method": without_quotes(seen.method[:80]),
        "dialect": seen.dialect,
        "menu": question.get("menu"),
        "digits_length": len(question["digits"]) if question else None,
        "action": seen.action or None,
        "outcome": seen.outcome,
        "fallback_reason": seen.fallback_reason or None,
        "detail": (without_quotes(seen.detail)[:500] if seen.detail_quotes else seen.detail) or None,
        "attempt": seen.attempt or len(hop.attempts) or None,
        "http_status": hop.attempts[-1].status if hop.attempts else None,
        "backend_ms": _ms(sum(attempt.seconds for attempt in hop.attempts)) if hop.attempts else None,
        "total_ms": _ms(seen.finished - seen.arrived),
        "deadline_ms": _ms(deadline),
        "repairs": sorted({f"{repair.kind} {repair.path}".strip() for repair in seen.repairs}) or None,
        "shared": seen.shared or None,
    }
    return {name: value for name, value in line.items() if value is not None}


def attempt_lines(seen: Exchange) -> Iterator[dict[str, Any]]:
    """What is said of each attempt that failed, with the time at which it did."""
    content = seen.content or {}
    for number, attempt in enumerate(seen.hop.attempts, seen.attempt or 1):
        if attempt.reason or not 200 <= attempt.status < 300:
            yield {
                "timestamp": _iso(seen.received + timedelta(seconds=attempt.started + attempt.seconds - seen.arrived)),
                "trace_id": seen.traceparent[3:35],
                "call_id": content.get("call_id"),
                "event_id": content.get("event_id"),
                "platform": seen.platform,
                "method": without_quotes(seen.method[:80]),
                "reason": _reason(attempt),
                "detail": without_quotes(attempt.message)[:500],
                "attempt": number,
                "http_status": attempt.status,
                "backend_ms": _ms(attempt.seconds),
            }


class ExchangeLog:
    """Says one line an exchange, and before it one an attempt that failed.

    A warning where an attempt failed, a caller got a fallback or an event was not delivered.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._written = _written

    def __call__(self, seen: Exchange) -> None:
        if seen.hop.attempts and (len(seen.hop.attempts) > 1 or seen.outcome not in _QUIET):
            for line in attempt_lines(seen):
                self._written.say("warning", "attempt_failed", line)
        level = "info" if seen.outcome in _QUIET else "warning"
        self._written.say(level, "exchange", exchange_line(seen, self._deadline))

    def report_bug(self, reference: str) -> None:
        """An error nobody foresaw, with its traceback; called while it is being handled."""
        structlog.get_logger().error("internal_error", reference=reference, exc_info=True)


def _reason(attempt: Attempt) -> str:
    return attempt.reason or f"http_{attempt.status // 100}xx"


# Until configure() says otherwise; what it says holds for the ExchangeLogs made after it.
_written = _Lines(_Unfailing(), (_AS_JSON,))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

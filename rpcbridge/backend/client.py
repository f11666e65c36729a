"""One event to the backend within one deadline: first attempt, then tenacity while another can still finish."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from rpcbridge.backend.breaker import Breakers
from rpcbridge.backend.requests import RequestWriter
from rpcbridge.errors import NoUsableAnswer, TransportError
from rpcbridge.exchange import Attempt, Hop
from rpcbridge.settings import Backend
from rpcbridge.signing import Signer
from rpcbridge.transport import HttpReply, HttpRequest, Transport

_FIRST_WAIT = 0.05  # seconds; doubles with every attempt, and jitter takes off up to half
_SHORTEST_ATTEMPT = 0.05  # seconds an attempt needs to have any chance
_RETRIED_STATUS = {429, 502, 503, 504}
# Nothing has arrived yet in these cases, so trying again cannot do anything twice.
_RETRIED_REASONS = {"dns", "refused", "connect_timeout"}


class _Retryable(Exception):
    """This attempt failed, another may do better; `wait` is what the backend asked for, in seconds."""

    def __init__(self, outcome: NoUsableAnswer, wait: float | None = None) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome
        self.wait = wait


class Client:
    """Sends events. One for all threads of a process; `clock` is monotonic, in seconds, `now` the time of day in UTC."""

    def __init__(
        self,
        settings: Backend,
        transport: Transport,
        breakers: Breakers,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._writer = RequestWriter(settings)
        self._signer = Signer(settings.secrets)
        self._breakers = breakers
        self._transport = transport
        self._attempt_timeout = settings.attempt_timeout
        self._fair = settings.deadline / 2
        self._clock = clock
        self._now = now
        self._sleep = sleep

    def ask(self, base_url: str, event: Mapping[str, Any], deadline: float, traceparent: str, seen: Hop) -> Any:
        """The JSON value the backend answers a question with. Raises NoUsableAnswer, at once (`breaker_open`) while it is down."""
        request, breaker = self._writer.written(base_url, event, traceparent), self._breakers.of(base_url)
        if not breaker.allow():
            raise NoUsableAnswer("breaker_open", "not asked: the backend failed too often, and is tried again once in a while")
        try:
            reply = self._replied(event["event_id"], request, deadline, seen)
        except NoUsableAnswer:
            # One whose body came so slowly that there was little time left says nothing of the backend.
            if seen.attempts and deadline - seen.attempts[0].started >= self._fair:
                reason = _failure(seen.attempts[-1])
                breaker.record(not reason, reason)
            raise
        breaker.record(True)
        return answer_in(reply)

    def deliver(
        self, base_url: str, event: Mapping[str, Any], seconds: float, traceparent: str, number: int, seen: Hop
    ) -> None:
        """One attempt to deliver a notification, the `number`th. Raises NoUsableAnswer where no 2xx came within `seconds`."""
        request = self._writer.written(base_url, event, traceparent)
        try:
            self._attempt(event["event_id"], request, self._clock() + seconds, number, seen, seconds)
        except _Retryable as failure:  # tried again, but much later and by whoever holds the event then
            raise failure.outcome from None

    def _replied(self, id: str, request: HttpRequest, deadline: float, seen: Hop) -> HttpReply:
        """A 2xx reply before `deadline` (by the clock). Raises NoUsableAnswer with the last attempt's reason."""
        try:
            return self._attempt(id, request, deadline, 1, seen)
        except _Retryable as failure:
            first = failure
        return self._again(id, request, deadline, first, seen)

    def _again(self, id: str, request: HttpRequest, deadline: float, first: _Retryable, seen: Hop) -> HttpReply:
        """Attempts 2, 3, ... Entered only after a first failure: a call that works does not pay for it."""
        failures = [first]

        def attempt() -> HttpReply:
            if failures:
                raise failures.pop()
            return self._attempt(id, request, deadline, len(seen.attempts) + 1, seen)

        def too_late(state: RetryCallState) -> bool:
            return self._clock() + state.upcoming_sleep + _SHORTEST_ATTEMPT > deadline

        retrying = Retrying(
            retry=retry_if_exception_type(_Retryable), wait=_pause, stop=too_late, sleep=self._sleep, reraise=True
        )
        try:
            return retrying(attempt)
        except _Retryable as failure:
            raise failure.outcome from None

    def _attempt(
        self, id: str, request: HttpRequest, deadline: float, number: int, seen: Hop, longest: float | None = None
    ) -> HttpReply:
        started = self._clock()
        left = deadline - started
        longest = longest or self._attempt_timeout
        allowed = left if longest is None else min(left, longest)
        own = (("Rpcbridge-Deadline-Ms", str(max(0, int(left * 1000)))), ("Rpcbridge-Attempt", str(number)))
        signed = () if request.body is None else self._signer.headers(id, self._now(), request.body)
        sent = HttpRequest(request.url, request.headers + own + signed, request.body)
        seen.request, seen.reply = sent, None
        try:
            reply = self._transport.send(sent, allowed)
        except TransportError as error:
            seen.attempts.append(Attempt(started, self._clock() - started, error.reason, 0, str(error)))
            self._failed(error, deadline)
        seen.reply = reply
        seen.attempts.append(Attempt(started, self._clock() - started, "", reply.status))
        if 200 <= reply.status < 300:
            return reply
        self._refused(reply)

    def _failed(self, error: TransportError, deadline: float) -> NoReturn:
        outcome = NoUsableAnswer(error.reason, str(error))
        # A time-out leaves room only where attempt_timeout ended it before the deadline did.
        if error.reason in _RETRIED_REASONS or (error.reason == "timeout" and self._clock() < deadline - _SHORTEST_ATTEMPT):
            raise _Retryable(outcome) from None
        raise outcome from None

    def _refused(self, reply: HttpReply) -> NoReturn:
        outcome = NoUsableAnswer(f"http_{reply.status // 100}xx", f"the backend answered HTTP {reply.status}")
        if reply.status in _RETRIED_STATUS:
            raise _Retryable(outcome, reply.retry_after)
        raise outcome


def _failure(last: Attempt) -> str:
    """Why this attempt says that the backend is down, "" where it does not: whoever replies otherwise is alive."""
    return last.reason or (f"http_{last.status // 100}xx" if last.status >= 500 or last.status == 429 else "")


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: doubling, with jitter, and never less than the backend asked for."""
    failure = state.outcome.exception() if state.outcome else None
    backoff: float = _FIRST_WAIT * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.0)
    asked = failure.wait if isinstance(failure, _Retryable) else None
    return max(backoff, asked or 0.0)


def answer_in(reply: HttpReply) -> Any:
    """The JSON value in a 2xx reply, whatever its Content-Type says. Raises NoUsableAnswer naming what came instead."""
    if not reply.body.strip():
        raise NoUsableAnswer("empty", f"HTTP {reply.status} with an empty body where an action is due")
    try:
        return _DECODER.decode(reply.body.decode(json.detect_encoding(reply.body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        kind = "html" if reply.body.lstrip()[:1] == b"<" else "not_json"
        what = "HTML or XML" if kind == "html" else f"no JSON ({str(error)[:80]})"
        raise NoUsableAnswer(kind, f"HTTP {reply.status} with {what} where an action is due") from None


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # made once: json.loads makes one for every answer

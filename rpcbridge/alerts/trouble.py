"""One kind of trouble: how much of it there was, how much of that was told, and when a message is due. Pure.

Times are seconds since 1970, so that a Trouble is stored as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

FALLBACKS, BACKEND_DOWN, DEAD_LETTERS = KINDS = ("fallbacks", "backend_down", "dead_letters")

Counts = dict[str, int]
State = Literal["firing", "resolved"]

_GATHERING = 1.0  # a first message waits as long, so that it counts what all processes saw of a sudden outage
_LEASE = 30.0  # whoever claimed a message and has not sent it by then has died
SILENCE = 3600.0  # a process that says nothing of its open breaker for as long has died, too
_RENEWED_EVERY = 60.0
_MOST_REASONS = 40


@dataclass(slots=True)
class Trouble:
    """Everything of one kind since it began; empty while all is well.

    total: reasons, and how often each; told: the part of them that messages have told.
    since, seen: when it began, and the newest of it. sent: when the last message went, be it of an earlier trouble.
    open: per backend the processes that do not ask it any more, and until when their word counts.
    """

    kind: str
    total: Counts = field(default_factory=dict)
    told: Counts = field(default_factory=dict)
    since: float = 0.0
    seen: float = 0.0
    sent: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    claim: str = ""
    claimed_until: float = 0.0
    open: dict[str, dict[str, float]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    def count(self, reason: str, now: float) -> None:
        """One more of it."""
        if reason not in self.total and len(self.total) >= _MOST_REASONS:
            reason = "other"
        self.total[reason] = self.total.get(reason, 0) + 1
        self.since = self.since or now
        self.seen = now

    def add(self, other: Trouble) -> None:
        """Take over what a process has counted, or told by itself while it could not reach the others."""
        if other.total:
            self.since = min(self.since or other.since, other.since)
        self.total = _sum(self.total, other.total)
        self.told = _sum(self.told, other.told)
        self.seen = max(self.seen, other.seen)
        self.sent = max(self.sent, other.sent)
        self.not_before = max(self.not_before, other.not_before)

    def stand(self, process: str, backends: Collection[str], now: float, until: float) -> None:
        """`process` has these breakers open, and no others; its word counts `until` then. What ran out is dropped."""
        for backend in {*self.open, *backends}:
            holders = self.open.setdefault(backend, {})
            if backend not in backends:
                self.seen = now if holders.pop(process, None) else self.seen
            elif not until - _RENEWED_EVERY < holders.get(process, 0.0) <= until:
                holders[process] = until
            for silent in [holder for holder, end in holders.items() if end < now]:
                del holders[silent]
                self.silent = sorted({*self.silent, backend})
            if not holders:
                del self.open[backend]

    def due(self, now: float, interval: float) -> State | None:
        """The message that should go now, if any."""
        wait = max(self.not_before, self.claimed_until) - now
        if not self.total or 0 < wait < interval + SILENCE:  # longer: a clock was wrong when it was written
            return None
        if not self.told:
            return "firing" if now >= self.since + _GATHERING else None
        if self._over(now, interval):
            return "resolved"
        return "firing" if self.total != self.told else None

    def take(self, claim: str, now: float) -> None:
        """From now on the message is `claim`'s to send, and nobody else's."""
        self.claim, self.claimed_until = claim, now + _LEASE

    def settle(self, claim: str, state: State, counted: Counts, delivered: bool, now: float, interval: float) -> None:
        """The message, which spoke of `counted`, was delivered or not; says nothing where the claim has run out."""
        if self.claim != claim:
            return
        self.claim, self.claimed_until = "", 0.0
        if not delivered:
            self.failures += 1
            self.not_before = now + min(interval, 2.0 ** min(self.failures - 1, 20))
            return
        self.failures, self.sent, self.not_before = 0, now, now + interval
        if state == "firing":
            self.told = counted
        else:  # what has come meanwhile is another trouble
            self.total, self.told, self.silent = less(self.total, counted), {}, []
            self.since = self.seen if self.total else 0.0

    def _over(self, now: float, interval: float) -> bool:
        if self.kind == BACKEND_DOWN:
            return not self.open
        return now >= self.seen + interval


def less(counts: Counts, others: Counts) -> Counts:
    """`counts` without `others`; nothing below one."""
    return {reason: left for reason, count in counts.items() if (left := count - others.get(reason, 0)) > 0}


def _sum(counts: Counts, others: Counts) -> Counts:
    return counts | {reason: counts.get(reason, 0) + count for reason, count in others.items()}

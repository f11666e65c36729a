"""New exchanges as they are written, by whichever process: each once, none left out, in the order of their numbers.

PostgreSQL gives a number when a row is inserted and shows the row when it is committed: a higher number may be seen
first. So numbers that were passed over are looked for again for some seconds. SQLite has one writer at a time, and no such gaps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from rpcbridge import db
from rpcbridge.trace.store import DROPS, EXCHANGES, Store, listed, shown

_PATIENCE = 10.0  # seconds that a number may be seen later than the next one; a recorder's statement may wait five for a lock
_AT_ONCE = 1_000  # rows of one look; more come with the next
_GAPS = 1_000  # numbers looked for again: several batches that other writers have in hand
_DROPS_AT_ONCE = 500


class Follower:
    """What is new in one store, from whoever's hand; one user at a time.

    Every method may raise SQLAlchemyError: nothing is lost by that, the next `poll` goes on where the last one ended.
    """

    def __init__(self, store: Store, after: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`after`: the last number that is known already; without it, whatever there is now."""
        self._engine = store.engine
        self._clock = clock
        with db.reading(self._engine) as connection:
            newest = _number(connection, func.max(EXCHANGES.c.seq))
            self.seen_to = newest if after is None else min(after, newest)
            self._counted_from = self.seen_to + 1 if self.seen_to else 0  # 0: of an empty table nobody knows what it held
            self._missing: dict[int, float] = {}
            before = select(EXCHANGES.c.seq).where(EXCHANGES.c.seq.between(self.seen_to - _GAPS, self.seen_to))
            near = sorted(connection.execute(before).scalars())
            self._pass_over(near[0] if near else 0, near)
            self._drops = _drops(connection)

    def poll(self) -> tuple[list[dict[str, Any]], int]:
        """Rows that were not seen before, and how many never will be: dropped when recorded, or forgotten before they were read."""
        now = self._clock()
        given_up = {number for number, until in self._missing.items() if until <= now}
        with db.reading(self._engine) as connection:
            late = _rows(connection, EXCHANGES.c.seq.in_(sorted(self._missing))) if self._missing else []
            rows = _rows(connection, EXCHANGES.c.seq > self.seen_to)
            oldest = _number(connection, func.min(EXCHANGES.c.seq)) if given_up or _gap(self.seen_to, rows) > _GAPS else 0
            drops = _drops(connection)
        missed = sum(count for *_, count in drops - self._drops)
        self._drops = drops  # from here on nothing fails
        for row in late:
            del self._missing[row["seq"]]
        for number in given_up & self._missing.keys():
            del self._missing[number]
            missed += self._counted_from <= number < oldest
        if rows:
            missed += self._skipped(rows[0]["seq"], oldest)
            self._pass_over(self.seen_to + 1, [row["seq"] for row in rows])
            self._counted_from = self._counted_from or rows[0]["seq"]
            self.seen_to = rows[-1]["seq"]
        return [shown(row) for row in late + rows], missed

    def _skipped(self, first: int, oldest: int) -> int:
        """How many numbers before `first` are too many to look for again, and gone: the store keeps none as old as they."""
        return max(0, min(first - _GAPS, oldest) - self.seen_to - 1) if self._counted_from else 0

    def _pass_over(self, first: int, numbers: Sequence[int]) -> None:
        """Look again for what is missing between `first` and the last of `numbers`."""
        if numbers:
            near = range(max(first, numbers[-1] - _AT_ONCE - _GAPS), numbers[-1])
            self._missing |= dict.fromkeys(set(near).difference(numbers), self._clock() + _PATIENCE)
            for number in sorted(self._missing)[:-_GAPS]:
                del self._missing[number]


def _gap(seen_to: int, rows: Sequence[dict[str, Any]]) -> int:
    return int(rows[0]["seq"]) - seen_to - 1 if rows else 0


def _rows(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(*listed(EXCHANGES)).where(which).order_by(EXCHANGES.c.seq).limit(_AT_ONCE + 1)
    return [dict(row._mapping) for row in connection.execute(query)]


def _number(connection: Connection, found: ColumnElement[Any]) -> int:
    return int(connection.execute(select(found)).scalar() or 0)


def _drops(connection: Connection) -> set[tuple[Any, ...]]:
    """The last remarks that exchanges were dropped. Their numbers come again once all were forgotten, so the time counts, too."""
    return {tuple(row) for row in connection.execute(select(DROPS).order_by(DROPS.c.id.desc()).limit(_DROPS_AT_ONCE))}

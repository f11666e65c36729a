"""Calls out of the table of exchanges: which of them a search finds, newest first, and the exchanges of those.

A search walks the table from its newest row back and stops with a page of calls. The table is narrow, so that to walk
all of it for a filter that matches nothing takes less time than an index on every filter would cost each insert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, FromClause, Select, and_, exists, func, not_, or_, select, true

from rpcbridge import db
from rpcbridge.trace.segments import hash_of
from rpcbridge.trace.store import DOCUMENT, DOCUMENTS, EXCHANGES, listed, of_call, shown, ulid_floor

OUTCOMES = ("not_stored", "dead_letter", "fallback", "refused", "postponed", "ended", "under_way")
KINDS = ("calls", "rest")
_OF_A_CALL = 200  # exchanges of one call that make its row; of a longer one the first and the newest
_AT_ONCE = 2_000  # exchanges of a page's calls in one statement: a page of 50 calls has some 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; what is empty is not asked for.

    call: an id or its beginning. keys: pseudonyms of a number, the caller's or the called one. menu: where a key was pressed,
    or where it led. outcome: one of OUTCOMES. origin: `real`, or as in the table. kind: one of KINDS, `rest` is what is no
    part of a call. Menu and digits are looked for in one exchange, everything else in any of the call's.
    """

    call: str = ""
    keys: tuple[str, ...] = ()
    menu: str = ""
    digits: str = ""
    outcome: str = ""
    reason: str = ""
    platform: str = ""
    origin: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Exchanges of one page's calls, each call's oldest first; `before` of the next page, 0 where this is the last one."""

    calls: list[list[dict[str, Any]]]
    older: int


class Queries:
    """Searches in one database. Every method may raise SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, search: Search, limit: int, before: int = 0) -> Page:
        """The `limit` newest calls that match, of those whose newest match has a number below `before`; and what belongs to no call, each by itself."""
        seen, newer = EXCHANGES.alias("seen"), EXCHANGES.alias("newer")
        later = select(newer.c.seq).where(_same_call(newer, seen), newer.c.seq > seen.c.seq, _matches(search, newer))
        query = select(*listed(seen)).where(_matches(search, seen), or_(seen.c.call_id == "", _none(later.order_by(newer.c.seq))), *_of_its_call(search, seen))
        if before:
            query = query.where(seen.c.seq < before)
        with db.reading(self._engine) as connection:
            found = [dict(row._mapping) for row in connection.execute(query.order_by(seen.c.seq.desc()).limit(limit + 1))]
            more, found = len(found) > limit, found[:limit]
            exchanges = self._of_calls(connection, sorted({row["call_id"] for row in found} - {""}))
        calls = [[shown(one) for one in exchanges.get(row["call_id"], [row])] for row in found]
        return Page(calls, found[-1]["seq"] if more else 0)

    def _of_calls(self, connection: Any, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        if not ids:
            return {}
        theirs = and_(EXCHANGES.c.call_hash.in_(set(map(hash_of, ids))), EXCHANGES.c.call_id.in_(ids))
        query = select(*listed(EXCHANGES)).where(theirs).limit(_AT_ONCE + 1)
        rows = [dict(row._mapping) for row in connection.execute(query)]
        if len(rows) > _AT_ONCE:
            rows = [row for call_id in ids for row in self._ends_of(connection, call_id)]
        calls: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=lambda row: row["seq"]):
            calls.setdefault(row["call_id"], []).append(row)
        return calls

    def _ends_of(self, connection: Any, call_id: str) -> list[dict[str, Any]]:
        """The first and the newest exchanges of a call that may have very many."""
        query = select(*listed(EXCHANGES)).where(of_call(EXCHANGES, call_id))
        both = (query.order_by(EXCHANGES.c.seq).limit(1), query.order_by(EXCHANGES.c.seq.desc()).limit(_OF_A_CALL))
        return list({row.seq: dict(row._mapping) for end in both for row in connection.execute(end)}.values())

    def statuses(self, ids: Sequence[str]) -> dict[str, str]:
        """How the calls ended: the `call_status` of the reports with these ids, where they have one."""
        with db.reading(self._engine) as connection:
            query = select(EXCHANGES.c.id, DOCUMENT).join(DOCUMENTS, DOCUMENTS.c.id == EXCHANGES.c.segment)
            found = connection.execute(query.where(EXCHANGES.c.id.in_(ids))).all()
        events = {row.id: (orjson.loads(row.document)["stations"]["event"] or {}) for row in found}
        return {id: str(event["call_status"]) for id, event in events.items() if event.get("call_status")}

    def last(self, limit: int, call: str = "") -> list[dict[str, Any]]:
        """The newest exchanges (of a call whose id begins so), the oldest of them first."""
        query = select(*listed(EXCHANGES)).where(*_anywhere(Search(call=call), EXCHANGES)).order_by(EXCHANGES.c.seq.desc()).limit(limit)
        with db.reading(self._engine) as connection:
            return [shown(row._mapping) for row in connection.execute(query)][::-1]

    def newest(self) -> int:
        """The highest number of an exchange, 0 where there is none."""
        with db.reading(self._engine) as connection:
            return int(connection.execute(select(func.max(EXCHANGES.c.seq))).scalar() or 0)


def _matches(search: Search, seen: FromClause) -> ColumnElement[bool]:
    """Whether an exchange matches, as far as that can be told from it and what came after it."""
    pressed = _pressed(search, seen)
    return and_(true(), *_anywhere(search, seen), *(pressed or _came_to(search, seen)))


def _of_its_call(search: Search, seen: FromClause) -> list[ColumnElement[bool]]:
    """What has to be true of the call as a whole.

    That a call has not ended is asked of very many: a set made once. What else it came to only of the few that match otherwise.
    """
    other = EXCHANGES.alias()
    if search.outcome == "under_way":
        ended = select(other.c.call_id).where(other.c.event == "call_ended")
        return [seen.c.call_id != "", seen.c.call_id.not_in(ended)]
    if search.outcome and _pressed(search, seen):
        same_call = select(other.c.seq).where(_same_call(other, seen), *_came_to(search, other))
        return [not_(_none(same_call))]
    return []


def _same_call(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return and_(one.c.call_hash == other.c.call_hash, one.c.call_id == other.c.call_id)


def _none(query: Select[tuple[int]]) -> ColumnElement[bool]:
    """NOT EXISTS: one look into an index for each row, in words that PostgreSQL does not turn into a join of the table with itself."""
    return query.limit(1).scalar_subquery().is_(None)


def _anywhere(search: Search, seen: FromClause) -> list[ColumnElement[bool]]:
    """What is the same in every exchange of a call, or asked for in any."""
    c, wanted = seen.c, []
    if search.call:
        wanted.append(func.substr(c.call_id, 1, len(search.call)) == search.call)
    if search.keys:
        wanted.append(or_(c.caller_key.in_(search.keys), c.called_key.in_(search.keys)))
    if search.reason:
        wanted.append(c.reason == search.reason)
    if search.platform:
        wanted.append(c.platform == search.platform)
    if search.origin:
        wanted.append(c.origin == ("" if search.origin == "real" else search.origin))
    if search.kind:
        wanted.append(c.call_id != "" if search.kind == "calls" else c.call_id == "")
    if search.since is not None:
        wanted.append(c.id >= ulid_floor(search.since))
    if search.until is not None:
        wanted.append(c.id < ulid_floor(search.until))
    return wanted


def _pressed(search: Search, seen: FromClause) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if search.menu:  # with digits it is where they were pressed
        led = () if search.digits else (seen.c.next_menu == search.menu,)
        wanted.append(or_(seen.c.menu == search.menu, *led))
    if search.digits:
        wanted.append(seen.c.digits == search.digits)
    return wanted


def _came_to(search: Search, seen: FromClause) -> list[ColumnElement[bool]]:
    """An exchange with which a call came to an outcome, and that nothing in the call has made good since."""
    c, other = seen.c, EXCHANGES.alias()
    same_call = and_(_same_call(other, seen), c.call_id != "")
    settled = exists().where(same_call, other.c.method == c.method, other.c.seq > c.seq, other.c.outcome.in_(("delivered", "dead_letter")))
    came: dict[str, list[ColumnElement[bool]]] = {
        "": [],
        "under_way": [c.event == "action_requested"],
        "ended": [c.event == "call_ended"],
        "not_stored": [
            c.outcome == "not_stored",
            not_(exists().where(same_call, other.c.method == c.method, other.c.outcome.in_(("stored", "noted", "duplicate")))),
        ],
        "postponed": [c.outcome == "postponed", not_(settled)],
        "dead_letter": [c.outcome == "dead_letter", or_(c.method != "call_ended", not_(settled))],
    }
    return came.get(search.outcome, [c.outcome == search.outcome])

"""Recorded questions and reports -> a graph of the menus that callers went through. Pure.

A row is what a list of exchanges shows of one: call by call, the graph follows where each answer led,
and counts what became of the caller there. How it is drawn is another module's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

START, OTHERS = "start", "others"
# What an answer leads to that is no menu. `native` is an answer in a platform's own shape that says no more.
ENDS = ("call", "hangup", "go_to_layer", "record", "native")

# Menus with a node of their own. A backend that makes menus up as it goes (one an order, say) has thousands.
MOST_MENUS = 80
# Fewer callers than these tell nothing: one who hung up in a menu that nobody else saw is no dead end.
DEAD_END_CALLERS = 3
_MASKED = 4  # so many digits are masked in every record, whatever the menu

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A menu, the start, or an end.

    key: `start`, `menu:` and the menu's name, one of ENDS, or `others` for all menus that have no node of their own.
    visits, callers: how often it was reached, and by how many calls. went_on: questions asked from here.
    dropped: callers who hung up here. dead_end: nobody who came here got to anywhere else.
    looped: visits by callers who had heard it before. median_ms: of the answers to questions from here.
    """

    key: str
    kind: str
    name: str
    visits: int = 0
    callers: int = 0
    went_on: int = 0
    dropped: int = 0
    fallbacks: int = 0
    looped: int = 0
    dead_end: bool = False
    median_ms: float | None = None

    @property
    def dropped_share(self) -> float:
        """Of the callers who came here, those who hung up here: 0 to 1."""
        return self.dropped / self.callers if self.callers else 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """Where digits in a menu led. `looped`: of `count`, callers who had heard the target before in the same call.

    digits: as recorded; None where no digits led there: from the start, and from a call that nobody answered.
    """

    source: str
    target: str
    digits: str | None
    label: str
    fallback: bool
    count: int
    looped: int
    median_ms: float | None

    @property
    def is_loop(self) -> bool:
        """Whether it leads back: to where it begins, or most who took it had heard what it leads to."""
        return self.source == self.target or self.looped * 2 > self.count


@dataclass(frozen=True, slots=True)
class Graph:
    """The start first, then menus by how often they were reached, then ends. `folded`: menus that are in `others`."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    calls: int
    questions: int
    folded: int = 0


def graph(rows: Iterable[Row], secret_menus: Collection[str] = ()) -> Graph:
    """The graph of `rows` in any order: questions, and what reports the end of a call."""
    calls = _calls(rows)
    shown, folded = _shown_menus(calls.values())
    tally = _Tally(shown)
    for number, call in enumerate(calls.values()):
        tally.follow(number, call)
    nodes = [tally.node(START, START, "start")]
    nodes += [tally.node(f"menu:{name}", "menu", name) for name in shown]
    nodes += [tally.node(OTHERS, OTHERS, f"{folded} other menus")] if folded else []
    nodes += [tally.node(end, end, end) for end in ENDS if tally.callers[end]]
    edges = tuple(tally.edges(secret_menus))
    return Graph(tuple(node for node in nodes if node.callers or node.visits), edges, len(calls), tally.questions, folded)


def label_of(digits: str, secret: bool = False) -> str:
    """What a person reads for recorded digits: masked ones are told by their number alone."""
    if not digits:
        return "nothing pressed"
    if not digits.strip("*") and (len(digits) >= _MASKED or secret):
        return f"{len(digits)} digit{'s' * (len(digits) > 1)}"
    return digits


def _calls(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows call by call, each oldest first. An identical question that shared its answer is one question."""
    calls: dict[tuple[str, str], list[Row]] = defaultdict(list)
    asked: set[tuple[str, str, int]] = set()
    for row in sorted(rows, key=lambda row: str(row["id"])):  # ULIDs: by time of receipt
        call, turn = (row["platform"], row["call_id"]), row["turn"]
        if turn is not None and row["event"] == "action_requested":
            if (*call, turn) in asked:
                continue
            asked.add((*call, turn))
        calls[call].append(row)
    return {call: found for call, found in calls.items() if any(row["event"] == "action_requested" for row in found)}


def _shown_menus(calls: Iterable[list[Row]]) -> tuple[list[str], int]:
    """The menus that get a node of their own, the most visited first, and how many get none."""
    seen: Counter[str] = Counter()
    for call in calls:
        for row in call:
            seen.update(name for name in {row["menu"], row["next_menu"]} if name)
    ranked = sorted(seen, key=lambda name: (-seen[name], name))
    if len(ranked) <= MOST_MENUS + 1:  # a node for one that is left over would be that menu's
        return ranked, 0
    return ranked[:MOST_MENUS], len(ranked) - MOST_MENUS


_Way = tuple[str, str | None, str, bool]  # from where, by which digits, where to, as a fallback


@dataclass(slots=True)
class _Passage:
    """What is counted of one edge."""

    count: int = 0
    looped: int = 0
    times: list[float] = field(default_factory=list)


class _Tally:
    """What is counted while calls are followed."""

    def __init__(self, shown: Collection[str]) -> None:
        self._shown = frozenset(shown)
        self.questions = 0
        self.callers: dict[str, set[int]] = defaultdict(set)
        self._visits: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._looped: Counter[str] = Counter()
        self._passages: dict[_Way, _Passage] = defaultdict(_Passage)
        self._from: dict[str, list[tuple[_Way, _Passage]]] = defaultdict(list)

    def follow(self, call: int, rows: Iterable[Row]) -> None:
        """One call from its first question to its end."""
        here, heard = "", set[str]()  # the menu's name as it is, so that two of the others are two
        failure_menu = ""
        for row in rows:
            if row["event"] != "action_requested":
                if here in heard and here:
                    self._dropped[self._key(here)] += 1
                here, heard, failure_menu = "", set(), ""
                continue
            menu = row["menu"]
            if not menu:
                self._reached(START, call)
            elif menu != here:  # nobody answered a call; or what led here is not among the rows
                self._arrived(menu, call, heard, "call" if menu == failure_menu else "")
            here, failure_menu = self._asked(row, call, heard)

    def _asked(self, row: Row, call: int, heard: set[str]) -> tuple[str, str]:
        """Count one question and what answered it; the menu the caller is in now, and where to if a call fails."""
        self.questions += 1
        source = self._key(row["menu"]) if row["menu"] else START
        target = row["next_menu"]
        key = self._key(target) if target else _end(row)
        passage = self._passages[source, row["digits"] if row["menu"] else None, key, row["outcome"] == "fallback"]
        passage.count += 1
        passage.times.append(row["total_ms"])
        if not target:
            self._reached(key, call)
            return "", row["failure_menu"]
        passage.looped += self._heard(target, call, heard)
        return target, ""

    def _arrived(self, menu: str, call: int, heard: set[str], source: str) -> None:
        again = self._heard(menu, call, heard)
        if source:
            passage = self._passages[source, None, self._key(menu), False]
            passage.count += 1
            passage.looped += again

    def _heard(self, menu: str, call: int, heard: set[str]) -> bool:
        """Count a visit; whether this caller had been there before."""
        key, again = self._key(menu), menu in heard
        self._reached(key, call)
        self._looped[key] += again
        heard.add(menu)
        return again

    def _reached(self, key: str, call: int) -> None:
        self._visits[key] += 1
        self.callers[key].add(call)

    def _key(self, menu: str) -> str:
        return f"menu:{menu}" if menu in self._shown else OTHERS

    def node(self, key: str, kind: str, name: str) -> Node:
        """What was counted of a node."""
        left = self._left()[key]
        times = [time for _, found in left for time in found.times]
        elsewhere = any(target != key for (_, _, target, _), _ in left)
        callers = len(self.callers[key])
        return Node(
            key, kind, name, self._visits[key], callers,
            went_on=sum(found.count for _, found in left), dropped=self._dropped[key],
            fallbacks=sum(found.count for passage, found in left if passage[3]), looped=self._looped[key],
            dead_end=kind == "menu" and callers >= DEAD_END_CALLERS and not elsewhere,
            median_ms=round(median(times), 1) if times else None,
        )  # fmt: skip

    def _left(self) -> dict[str, list[tuple[_Way, _Passage]]]:
        """The passages by where they begin."""
        if not self._from:
            for passage in self._passages.items():
                self._from[passage[0][0]].append(passage)
        return self._from

    def edges(self, secret_menus: Collection[str]) -> Iterator[Edge]:
        """Every edge, the busiest first."""
        secret = {f"menu:{name}" for name in secret_menus}
        ranked = sorted(self._passages.items(), key=lambda item: (-item[1].count, item[0][0], item[0][1] or "", *item[0][2:]))
        for (source, digits, target, fallback), found in ranked:
            label = _unpressed(source) if digits is None else label_of(digits, source in secret)
            times = round(median(found.times), 1) if found.times else None
            yield Edge(source, target, digits, label, fallback, found.count, found.looped, times)


def _end(row: Row) -> str:
    """The end that an answer without a menu leads to."""
    if row["action"] in ENDS and row["action"] != "native":
        return str(row["action"])
    return "call" if row["failure_menu"] else "native"


def _unpressed(source: str) -> str:
    return "call begins" if source == START else "not answered"

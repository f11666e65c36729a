"""The menu map: how callers went from menu to menu, drawn from what is recorded. Filters stand in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for

from rpcbridge.inspector import menus
from rpcbridge.inspector.drawn_menus import drawing
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.debug.search import ORIGINS
from rpcbridge.web.debug.times import LAST, PERIODS, moment

# Rows that one map is drawn from: some ten thousand calls, in half a second.
MOST_ROWS = 50_000
_ORIGINS = ("", *ORIGINS[1:], "all")


@dataclass(frozen=True, slots=True)
class _Filter:
    """What the URL asks for. `problems`: what of it cannot be used, and is left out."""

    last: str = ""
    since: str = ""
    until: str = ""
    called: str = ""
    platform: str = ""
    origin: str = ""
    problems: tuple[str, ...] = ()

    def query(self, debug: Debug, now: datetime) -> dict[str, Any]:
        """What the store is asked for."""
        return {
            "since": now - LAST[self.last] if self.last else moment(self.since), "until": None if self.last else moment(self.until, end=True),
            "called_key": debug.trace.pseudonym(self.called), "platform": self.platform,
            "origin": None if self.origin == "all" else self.origin,
        }  # fmt: skip

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered out that is not by itself."""
        return any((self.last, self.since, self.until, self.called, self.platform, self.origin))

    def calls(self, **about: str) -> str:
        """The address of the list of calls that were there, filtered as this map is."""
        times = {"last": self.last} if self.last else {"from": _as_listed(moment(self.since)), "until": _as_listed(moment(self.until, end=True))}
        rest = {"number": self.called, "platform": self.platform, "origin": {"": "real", "all": ""}.get(self.origin, self.origin)}
        return f"{url_for('debug.calls')}?{urlencode({name: value for name, value in (about | times | rest).items() if value})}"


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page of the map."""

    @blueprint.get("/map")
    def menu_map() -> Response:
        wanted = _filter(request.args)
        query = wanted.query(debug, datetime.now(UTC))
        rows = debug.trace.looked_up(lambda store: store.steps(MOST_ROWS, **query))
        graph = menus.graph(rows, debug.secret_menus)
        cut = len(rows) == MOST_ROWS
        return shown(200, _listed(graph, cut, wanted), "map.html", graph=graph, drawn=drawing(graph), cut=cut, most=MOST_ROWS,
                     wanted=wanted, platforms=[*debug.platforms], names=_names(graph), origins=_ORIGINS, periods=PERIODS, revealed=debug.reveal,
                     ways=_ways(graph), calls=wanted.calls, dead_end_callers=menus.DEAD_END_CALLERS)  # fmt: skip


# As the list of calls has them.
_IN_THE_URL = {"last": "last", "since": "from", "until": "until", "called": "number", "platform": "platform", "origin": "origin"}


def _filter(args: Mapping[str, str]) -> _Filter:
    given = {name: args.get(said, "").strip()[:80] for name, said in _IN_THE_URL.items()}
    problems = [
        f"{_IN_THE_URL[name]}: {given[name]} is no time such as 2026-11-20T21:00Z" for name in ("since", "until") if given[name] and moment(given[name]) is None
    ]
    for name, known in (("last", LAST), ("origin", _ORIGINS)):
        if given[name] and given[name] not in known:
            problems.append(f"{name}: {given[name]} is not one of {', '.join(filter(None, known))}")
            given[name] = ""
    return _Filter(**given, problems=tuple(problems))


def _as_listed(time: datetime | None) -> str:
    """A time as the list of calls has it: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S") if time else ""


def _names(graph: menus.Graph) -> dict[str, str]:
    return {node.key: _ENDS.get(node.key, node.name) for node in graph.nodes}


_ENDS = {
    "start": "Start", "call": "Call to a person", "hangup": "Hang-up", "go_to_layer": "Phone system's layer", "record": "Recording",
    "native": "Platform's own answer",
}  # fmt: skip


def _ways(graph: menus.Graph) -> dict[str, list[menus.Edge]]:
    """The ways out of each node."""
    ways: dict[str, list[menus.Edge]] = {node.key: [] for node in graph.nodes}
    for edge in graph.edges:
        ways[edge.source].append(edge)
    return ways


def _listed(graph: menus.Graph, cut: bool, wanted: _Filter) -> dict[str, Any]:
    nodes = [asdict(node) | {"dropped_share": round(node.dropped_share, 3)} for node in graph.nodes]
    return {
        "calls": graph.calls, "questions": graph.questions, "cut": cut, "folded": graph.folded, "problems": wanted.problems,
        "nodes": nodes, "edges": [asdict(edge) for edge in graph.edges],
    }  # fmt: skip

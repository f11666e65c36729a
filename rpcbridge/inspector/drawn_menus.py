"""A graph of menus -> what its drawing shows: cards with a line for each way out, and where everything stands. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rpcbridge.inspector.layered import Box, Layout, Line, Trunk, layout
from rpcbridge.inspector.menus import ENDS, Edge, Graph, Node

WIDTH = 216.0  # of a card
HEAD, ROW = 42.0, 20.0  # its head with name and counts; each row: who hung up, a badge, a way out
_MOST_NAME, _MOST_LABEL = 25, 16  # characters that fit
_DIGITS_EACH = 2  # digits that lead to the same place and get a row each; more share one


_Rows = Mapping[str, list[tuple[str, tuple[Edge, ...]]]]  # by node: labels, and the edges that share a row


@dataclass(frozen=True, slots=True)
class Way:
    """One row of a card: digits and where they lead. `edges`: more than one where digits share a row."""

    label: str
    edges: tuple[Edge, ...]
    y: float
    path: str
    arrives: bool

    @property
    def count(self) -> int:
        return sum(edge.count for edge in self.edges)

    @property
    def looped(self) -> int:
        return sum(edge.looped for edge in self.edges)

    @property
    def kind(self) -> str:
        """How its line is drawn."""
        return "fallback" if self.edges[0].fallback else "loop" if self.is_loop else ""

    @property
    def is_loop(self) -> bool:
        """Whether any of it leads back."""
        return any(edge.is_loop for edge in self.edges)


@dataclass(frozen=True, slots=True)
class Card:
    """One node as it is drawn; its rows are placed from its own top."""

    node: Node
    title: str
    x: float
    y: float
    height: float
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All cards and trunks, and the size of the whole."""

    width: float
    height: float
    cards: tuple[Card, ...]
    trunks: tuple[Trunk, ...]


def drawing(graph: Graph) -> Drawing:
    """The drawing of `graph`, which has at least its start."""
    rows = {node.key: list(_rows(edge for edge in graph.edges if edge.source == node.key)) for node in graph.nodes}
    placed = _placed(graph, rows)
    for key, ways in rows.items():  # in the order of what they lead to, so that fewer lines cross; back goes upwards
        x = placed.boxes[key][0]
        ways.sort(key=lambda way: _height_of(placed.boxes[way[1][0].target], x))
    placed = _placed(graph, rows)
    return Drawing(placed.width, placed.height, tuple(_cards(graph, rows, placed)), placed.trunks)


def _height_of(target: tuple[float, float], x: float) -> float:
    return target[1] if target[0] > x else -1.0


def _placed(graph: Graph, rows: _Rows) -> Layout:
    boxes = [Box(node.key, _height(node, len(rows[node.key])), node.key in ENDS and not rows[node.key]) for node in graph.nodes]
    lines = [
        Line(node.key, _first_way(node) + ROW * place + ROW / 2, edges[0].target, "fallback" if edges[0].fallback else "")
        for node in graph.nodes for place, (_, edges) in enumerate(rows[node.key])
    ]  # fmt: skip
    return layout(boxes, lines, WIDTH)


def _cards(graph: Graph, rows: _Rows, placed: Layout) -> Iterable[Card]:
    drawn = iter(zip(placed.paths, placed.arrives, strict=True))
    for node in graph.nodes:
        ways = []
        for place, (label, edges) in enumerate(rows[node.key]):
            path, arrives = next(drawn)
            ways.append(Way(short(label, _MOST_LABEL), edges, _first_way(node) + ROW * place, path, arrives))
        x, y = placed.boxes[node.key]
        yield Card(node, short(node.name, _MOST_NAME), x, y, _height(node, len(ways)), tuple(ways))


def _rows(edges: Iterable[Edge]) -> Iterable[tuple[str, tuple[Edge, ...]]]:
    """The ways out of one node, the busiest first; digits that lead to the same place share a row where they are many."""
    places: dict[tuple[str, bool], list[Edge]] = {}
    for edge in edges:
        places.setdefault((edge.target, edge.fallback), []).append(edge)
    rows: list[tuple[str, tuple[Edge, ...]]] = []
    for together in places.values():
        if len(together) <= _DIGITS_EACH:
            rows += [(edge.label, (edge,)) for edge in together]
        else:
            rows.append((", ".join(edge.label for edge in together), tuple(together)))
    return sorted(rows, key=lambda row: -sum(edge.count for edge in row[1]))


def _first_way(node: Node) -> float:
    return HEAD + ROW * (bool(node.dropped) + node.dead_end)


def _height(node: Node, ways: int) -> float:
    return _first_way(node) + ROW * ways + (6.0 if ways or node.dropped or node.dead_end else 0.0)


def short(text: str, most: int) -> str:
    """As much of `text` as fits: a wide character takes the place of two."""
    width = 0
    for place, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > most:
            return text[: max(place - 1, 1)] + "…"
    return text

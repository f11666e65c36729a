"""A layered drawing of any graph: boxes in columns, lines between them that cross no box. Pure, and knows no menus.

A column is the distance from the first box. A line leaves a box at its right side and enters another at its
left; where it passes a column it gets a place of its own there. Lines of one kind to one box share that place, so
that sixty boxes that all lead to the same one do so by one trunk. What leads back turns round beside its box.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import add

MARGIN = 24.0
_BETWEEN_BOXES, _BETWEEN_LINES, _BESIDE_A_BOX = 26.0, 12.0, 18.0
_ENTRY = 20.0  # from a box's top to where lines enter
_NARROWEST, _WIDEST, _A_LINE = 64.0, 150.0, 3.0  # what stands between two columns, and how much each line adds
_HIGHEST = 14  # boxes in a column
_SWEEPS = 8  # over all columns, to and fro; more change nothing that anybody could see


@dataclass(frozen=True, slots=True)
class Box:
    """One box. `last`: it is put behind everything that leads to it."""

    key: str
    height: float
    last: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """From a point `port` below the top of the box `source` to the box `target`. Lines of one `kind` share trunks."""

    source: str
    port: float
    target: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Trunk:
    """Where lines of one kind to one box run together. `back`: towards the first column."""

    path: str
    target: str
    kind: str
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Where boxes stand (their upper left corners), the path of each line as given, and the trunks that some end in.

    arrives: of each line, whether it ends at its box itself and not in a trunk.
    """

    width: float
    height: float
    boxes: Mapping[str, tuple[float, float]]
    paths: tuple[str, ...]
    arrives: tuple[bool, ...]
    trunks: tuple[Trunk, ...]


_Way = tuple[str, str, bool]  # a trunk: where to, of which kind, whether back
_Item = tuple[_Way, int] | str  # what has a place in a column: a trunk's passage of it, or a box


def layout(boxes: Sequence[Box], lines: Sequence[Line], width: float) -> Layout:
    """`boxes`, each `width` wide, the first one in the first column; every line's ends are among them."""
    columns = _columns(boxes, lines)
    web = _woven(boxes, lines, columns)
    _ordered(web)
    tops = _placed(web)
    return _drawn(web, lines, tops, width)


def _columns(boxes: Sequence[Box], lines: Sequence[Line]) -> dict[str, int]:
    """The column of each box: its distance from the first; what cannot be reached from there begins beside it."""
    after: dict[str, list[str]] = defaultdict(list)
    before: dict[str, list[str]] = defaultdict(list)
    last = {box.key for box in boxes if box.last}
    for line in lines:
        after[line.source].append(line.target)
        before[line.target].append(line.source)
    columns: dict[str, int] = {}
    entries = sorted((box.key for box in boxes if box.key not in last), key=lambda key: len(before[key]) > 0)
    for place, root in enumerate([boxes[0].key, *entries] if boxes else []):
        waiting = deque([(root, min(place, 1))])
        while waiting:
            key, column = waiting.popleft()
            if key not in columns and key not in last:
                columns[key] = column
                waiting.extend((target, column + 1) for target in after[key])
    columns = _wrapped(columns)
    for key in (box.key for box in boxes if box.key in last):
        columns[key] = max((columns[source] + 1 for source in before[key] if source in columns), default=1)
    return columns


def _wrapped(columns: Mapping[str, int]) -> dict[str, int]:
    """The same with no column higher than _HIGHEST boxes: a higher one becomes several, side by side."""
    together: dict[int, list[str]] = defaultdict(list)
    for key, column in columns.items():
        together[column].append(key)
    wrapped: dict[str, int] = {}
    begin = 0
    for column in sorted(together):
        keys = together[column]
        parts = -(-len(keys) // _HIGHEST)
        wrapped |= {key: begin + place * parts // len(keys) for place, key in enumerate(keys)}
        begin += parts
    return wrapped


@dataclass(slots=True)
class _Web:
    """The columns with all that has a place in them, in order, and what is tied to what across and within columns."""

    heights: dict[str, float]
    columns: dict[str, int]
    rows: list[list[_Item]]
    right: dict[_Item, list[tuple[_Item, float]]] = field(default_factory=lambda: defaultdict(list))
    left: dict[_Item, list[tuple[_Item, float]]] = field(default_factory=lambda: defaultdict(list))
    beside: dict[_Item, list[str]] = field(default_factory=lambda: defaultdict(list))  # boxes whose lines turn round there
    ways: dict[_Way, list[int]] = field(default_factory=dict)  # the columns that a trunk passes

    def tie(self, one: _Item, other: _Item, port: float) -> None:
        """`one` stands a column before `other`; the line leaves it `port` below its top."""
        self.right[one].append((other, port))
        self.left[other].append((one, port))

    def height(self, item: _Item) -> float:
        return self.heights[item] if isinstance(item, str) else 0.0


def _woven(boxes: Sequence[Box], lines: Sequence[Line], columns: dict[str, int]) -> _Web:
    rows: list[list[_Item]] = [[] for _ in range(max(columns.values(), default=0) + 1)]
    for box in boxes:
        rows[columns[box.key]].append(box.key)
    web = _Web({box.key: box.height for box in boxes}, columns, rows)
    reaches: dict[_Way, list[int]] = defaultdict(list)
    for line in lines:
        way = _way(line, columns)
        if way:
            reaches[way].append(columns[line.source])
    for way, sources in reaches.items():
        target = columns[way[0]]
        web.ways[way] = list(range(max(sources), target - 1, -1)) if way[2] else list(range(min(sources) + 1, target))
        for column in web.ways[way]:
            rows[column].append((way, column))
    _tied(web, lines)
    return web


def _way(line: Line, columns: Mapping[str, int]) -> _Way | None:
    """The trunk that a line runs in; none from one column to the next."""
    span = columns[line.target] - columns[line.source]
    return None if span == 1 else (line.target, line.kind, span < 1)


def _tied(web: _Web, lines: Sequence[Line]) -> None:
    for line in lines:
        way, column = _way(line, web.columns), web.columns[line.source]
        if way is None:
            web.tie(line.source, line.target, line.port)
        elif way[2]:
            web.beside[way, column].append(line.source)
        else:
            web.tie(line.source, (way, column + 1), line.port)
    for way, passed in web.ways.items():
        for one, other in pairwise(sorted(passed)):
            web.tie((way, one), (way, other), 0.0)
        if way[2]:
            web.beside[way, web.columns[way[0]]].append(way[0])
        else:
            web.tie((way, passed[-1]), way[0], 0.0)


def _ordered(web: _Web) -> None:
    """Put each column into an order in which few lines cross: everything to the middle of what it is tied to."""
    best, fewest = web.rows, -1
    for sweep in range(_SWEEPS):
        there = sweep % 2 == 0
        ties = web.left if there else web.right
        order = range(len(web.rows)) if there else range(len(web.rows) - 1, -1, -1)
        for column in order:
            _sort(web, column, column + (-1 if there else 1), ties)
        crossings = _crossings(web)
        if fewest < 0 or crossings < fewest:
            best, fewest = list(web.rows), crossings
        if not fewest:
            break
    web.rows = best


def _sort(web: _Web, column: int, neighbours: int, ties: Mapping[_Item, list[tuple[_Item, float]]]) -> None:
    row = web.rows[column]
    there = _places(web.rows[neighbours]) if 0 <= neighbours < len(web.rows) else {}
    here = _places(row)
    scale = len(row) / max(len(there), 1)

    def wanted(item: _Item) -> float:
        seen = [there[other] * scale for other, _ in ties.get(item, ())]
        return sum(seen) / len(seen) if seen else float(here[item])

    tied = sorted((item for item in row if not web.beside.get(item)), key=lambda item: (wanted(item), here[item]))
    ranks = {item: float(rank) for rank, item in enumerate(tied)}
    for item in row:
        if web.beside.get(item):
            ranks[item] = ranks[_host(web, item, ranks)] - 0.5
    web.rows[column] = sorted(row, key=lambda item: (ranks[item], here[item]))


def _host(web: _Web, item: _Item, ranks: Mapping[_Item, float]) -> str:
    """The box above which a line turns round: the one it leads to, else the middle one of those it comes from."""
    boxes = web.beside[item]
    if not isinstance(item, str) and item[0][0] in boxes:
        return item[0][0]
    return sorted(boxes, key=lambda box: ranks[box])[len(boxes) // 2]


def _places(row: Iterable[_Item]) -> dict[_Item, int]:
    return {item: place for place, item in enumerate(row)}


def _crossings(web: _Web) -> int:
    """Pairs of lines between two columns of which one begins above the other and ends below it."""
    total = 0
    for row, following in pairwise(web.rows):
        places, ended = _places(following), list[int]()
        for item in row:
            ends = sorted(places[other] for other, _ in web.right.get(item, ()))
            total += sum(len(ended) - bisect_right(ended, end) for end in ends)
            for end in ends:
                insort(ended, end)
    return total


def _placed(web: _Web) -> dict[_Item, float]:
    """The top of everything: as near as its column's order lets it come to where its lines run level."""
    tops: dict[_Item, float] = {}
    for row in web.rows:
        _stack(web, row, [0.0] * len(row), tops)
    for sweep in range(_SWEEPS):
        for row in web.rows if sweep % 2 == 0 else reversed(web.rows):
            _stack(web, row, [_level(web, item, tops) for item in row], tops)
    highest = min(tops.values(), default=0.0)
    return {item: top - highest + MARGIN for item, top in tops.items()}


def _level(web: _Web, item: _Item, tops: Mapping[_Item, float]) -> float:
    """Where the item's lines would run level, on average."""
    wanted = [tops[other] + port - _entry(item) for other, port in web.left.get(item, ())]
    wanted += [tops[other] + _entry(other) - port for other, port in web.right.get(item, ())]
    if web.beside.get(item):
        wanted.append(tops[_host(web, item, tops)] - _BESIDE_A_BOX)
    return sum(wanted) / len(wanted) if wanted else tops[item]


def _entry(item: _Item) -> float:
    return _ENTRY if isinstance(item, str) else 0.0


def _stack(web: _Web, row: Sequence[_Item], wanted: Sequence[float], tops: dict[_Item, float]) -> None:
    """Place a column as near to `wanted` as its order and distances allow: least squares, by pooling what is too close."""
    below, height = [], 0.0
    for item, following in zip(row, [*row[1:], ""], strict=False):
        below.append(height)
        height += web.height(item) + _distance(item, following)
    pools: list[tuple[float, float, int]] = []  # weight, weighted sum of what is wanted of the pool's top, how many
    for item, top, offset in zip(row, wanted, below, strict=True):
        weight = 0.1 if web.beside.get(item) else 1.0 if isinstance(item, str) else 2.0  # a bend in a trunk shows most
        pools.append((weight, weight * (top - offset), 1))
        while len(pools) > 1 and pools[-2][1] / pools[-2][0] > pools[-1][1] / pools[-1][0]:
            one, other = pools.pop(), pools.pop()
            pools.append((one[0] + other[0], one[1] + other[1], one[2] + other[2]))
    fitted = [total / weight for weight, total, count in pools for _ in range(count)]
    tops.update(zip(row, map(add, fitted, below), strict=True))


def _distance(one: _Item, other: _Item) -> float:
    boxes = isinstance(one, str) + isinstance(other, str)
    return (_BETWEEN_LINES, _BESIDE_A_BOX, _BETWEEN_BOXES)[boxes]


def _drawn(web: _Web, lines: Sequence[Line], tops: Mapping[_Item, float], width: float) -> Layout:
    pen = _Pen(web, tops, width)
    paths = tuple(pen.line(line) for line in lines)
    arrives = tuple(_way(line, web.columns) is None for line in lines)
    trunks = tuple(Trunk(pen.trunk(way), way[0], way[1], way[2]) for way in web.ways)
    boxes = {key: (pen.left(column), tops[key]) for key, column in web.columns.items()}
    bottom = max((top + web.height(item) for item, top in tops.items()), default=0.0) + MARGIN
    return Layout(pen.right, bottom, boxes, paths, arrives, trunks)


class _Pen:
    """Knows where columns begin, and writes paths."""

    def __init__(self, web: _Web, tops: Mapping[_Item, float], width: float) -> None:
        self._web, self._tops, self._width = web, tops, width
        turns = any(web.beside.get(item) for item in web.rows[0]) if web.rows else False
        self._lefts = [MARGIN + (_NARROWEST / 2 if turns else 0.0)]
        for row in web.rows:
            between = _NARROWEST + _A_LINE * sum(len(web.right.get(item, ())) + len(web.beside.get(item, ())) for item in row)
            self._lefts.append(self._lefts[-1] + width + min(between, _WIDEST))
        turns = any(web.beside.get(item) for item in web.rows[-1]) if web.rows else False
        end = self._lefts[-2] + width if web.rows else 0.0
        self.right = end + MARGIN + (_NARROWEST / 2 if turns else 0.0)

    def left(self, column: int) -> float:
        """Where a column begins."""
        return self._lefts[column]

    def line(self, line: Line) -> str:
        """From its box to the next column, or round to where its trunk passes beside it."""
        way, column = _way(line, self._web.columns), self._web.columns[line.source]
        x, y = self._lefts[column] + self._width, self._tops[line.source] + line.port
        start = f"M{x:.1f},{y:.1f}"
        if way is None:
            return start + self._across(x, y, column + 1, self._tops[line.target] + _ENTRY)
        if way[2]:
            return start + _round(x, y, self._tops[way, column], self._reach(way, column))
        return start + self._across(x, y, column + 1, self._tops[way, column + 1])

    def trunk(self, way: _Way) -> str:
        """All along its columns and into its box."""
        return self._back(way) if way[2] else self._on(way)

    def _on(self, way: _Way) -> str:
        passed = self._web.ways[way]
        path = f"M{self._lefts[passed[0]]:.1f},{self._tops[way, passed[0]]:.1f}"
        for column in passed:
            x, y = self._lefts[column] + self._width, self._tops[way, column]
            following = self._tops[way[0]] + _ENTRY if column == passed[-1] else self._tops[way, column + 1]
            path += f"H{x:.1f}" + self._across(x, y, column + 1, following)
        return path

    def _back(self, way: _Way) -> str:
        passed = self._web.ways[way]
        path = f"M{self._lefts[passed[0]] + self._width:.1f},{self._tops[way, passed[0]]:.1f}"
        for column, following in pairwise(passed):
            x, to = self._lefts[column], self._lefts[following] + self._width
            path += f"H{x:.1f}" + _curve(x, self._tops[way, column], to, self._tops[way, following])
        x, y = self._lefts[passed[-1]], self._tops[way, passed[-1]]
        return path + f"H{x:.1f}" + _round(x, y, self._tops[way[0]] + _ENTRY, -self._reach(way, passed[-1]) / 2)

    def _across(self, x: float, y: float, column: int, to: float) -> str:
        return _curve(x, y, self._lefts[column], to)

    def _reach(self, way: _Way, column: int) -> float:
        """How far its turn goes out: turns one beside another must be told apart."""
        turning = [item for item in self._web.rows[column] if self._web.beside.get(item)]
        return 30.0 + 8.0 * (turning.index((way, column)) % 4)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"


def _round(x: float, y: float, to_y: float, reach: float) -> str:
    """Out and back to the same side, at another height."""
    return f"C{x + reach:.1f},{y:.1f} {x + reach:.1f},{to_y:.1f} {x:.1f},{to_y:.1f}"

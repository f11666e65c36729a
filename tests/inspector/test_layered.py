"""A layered drawing of any graph ends, is finite, keeps boxes apart, and has every line."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from rpcbridge.inspector.layered import Box, Layout, Line, layout

WIDTH = 100.0


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Line]]:
    count = draw(st.integers(1, 40))
    heights = draw(st.lists(st.floats(30, 300), min_size=count, max_size=count))
    boxes = [Box(f"b{number}", height, draw(st.booleans()) and number > 0) for number, height in enumerate(heights)]
    ends = st.integers(0, count - 1)
    ties = draw(st.lists(st.tuples(ends, ends, st.sampled_from(["", "fallback"]), st.floats(0, 30)), max_size=120))
    starting = [tie for tie in ties if not boxes[tie[0]].last]  # nothing leads on from a last one
    return boxes, [Line(boxes[one].key, port, boxes[other].key, kind) for one, other, kind, port in starting]


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_any_graph(drawn: tuple[list[Box], list[Line]]):
    boxes, lines = drawn
    found = layout(boxes, lines, WIDTH)
    _apart(boxes, found)
    assert len(found.paths) == len(found.arrives) == len(lines)
    for path in [*found.paths, *(trunk.path for trunk in found.trunks)]:
        assert re.fullmatch(r"M[-\d.,]+(?:[CH][-\d., ]+)+", path), path
    trunks = {(trunk.target, trunk.kind) for trunk in found.trunks}
    for line, arrives in zip(lines, found.arrives, strict=True):
        assert arrives or (line.target, line.kind) in trunks, "a line that does not arrive joins one that does"
    for trunk in found.trunks:
        assert _end(trunk.path) == _entry(found, trunk.target)
    for line, path, arrives in zip(lines, found.paths, found.arrives, strict=True):
        assert not arrives or _end(path) == _entry(found, line.target)


def _apart(boxes: list[Box], found: Layout) -> None:
    heights = {box.key: box.height for box in boxes}
    assert set(found.boxes) == set(heights)
    for one, other in combinations(heights, 2):
        (x, y), (u, v) = found.boxes[one], found.boxes[other]
        assert x + WIDTH < u or u + WIDTH < x or y + heights[one] < v or v + heights[other] < y, (one, other)
    for key, (x, y) in found.boxes.items():
        assert 0 < x < x + WIDTH < found.width
        assert 0 < y < y + heights[key] < found.height


def _end(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[-\d.]+", path)[-2:])


def _entry(found: Layout, key: str) -> tuple[str, ...]:
    x, y = found.boxes[key]
    return (f"{x:.1f}", f"{y + 20:.1f}")


def test_a_chain_runs_level_from_left_to_right():
    found = layout([Box("a", 50), Box("b", 50), Box("c", 50)], [Line("a", 20, "b"), Line("b", 20, "c")], WIDTH)
    assert len({y for _, y in found.boxes.values()}) == 1
    assert [x for x, _ in sorted(found.boxes.values())] == sorted(x for x, _ in found.boxes.values())
    assert found.trunks == ()


def test_what_leads_back_turns_round_in_one_trunk():
    lines = [Line("a", 20, "b"), Line("b", 20, "c"), Line("c", 20, "b"), Line("b", 30, "b")]
    found = layout([Box("a", 50), Box("b", 50), Box("c", 50)], lines, WIDTH)
    (trunk,) = found.trunks
    assert (trunk.target, trunk.back, found.arrives) == ("b", True, (True, True, False, False))


def test_lines_of_one_kind_to_a_far_box_share_a_trunk():
    boxes = [Box("a", 50), Box("b", 50), Box("c", 50), Box("end", 30, last=True)]
    lines = [Line("a", 20, "b"), Line("b", 20, "c"), Line("a", 30, "end"), Line("b", 30, "end"), Line("c", 30, "end"), Line("a", 40, "end", "fallback")]
    found = layout(boxes, lines, WIDTH)
    assert sorted(trunk.kind for trunk in found.trunks) == ["", "fallback"]
    assert found.boxes["end"][0] > found.boxes["c"][0]


def test_a_high_column_becomes_several():
    boxes = [Box("a", 50), *(Box(f"b{number}", 50) for number in range(40))]
    found = layout(boxes, [Line("a", 20, box.key) for box in boxes[1:]], WIDTH)
    assert len({x for x, _ in found.boxes.values()}) == 4


def test_nothing_at_all():
    assert layout([], [], WIDTH).boxes == {}

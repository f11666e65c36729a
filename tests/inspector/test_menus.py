"""What the map says of recorded questions: where callers went, where they hung up, what leads nowhere, what goes round."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest

from rpcbridge.inspector.drawn_menus import drawing, short
from rpcbridge.inspector.menus import DEAD_END_CALLERS, MOST_MENUS, Edge, Graph, Node, graph, label_of

_NUMBERS = count()


def question(call: str, menu: str = "", digits: str = "", to: str = "", **changes: Any) -> dict[str, Any]:
    """A row; `to` is a menu, or an end with a bang."""
    row = {
        "id": f"{next(_NUMBERS):026d}", "platform": "voicenter", "call_id": call, "event": "action_requested", "turn": None, "menu": menu,
        "digits": digits, "outcome": "answered", "action": to[1:] if to[:1] == "!" else "menu", "next_menu": "" if to[:1] == "!" else to,
        "failure_menu": "", "total_ms": 10.0,
    }  # fmt: skip
    return row | changes


def ended(call: str, outcome: str = "stored") -> dict[str, Any]:
    return question(call, event="call_ended", outcome=outcome, action="", to="")


def node(found: Graph, key: str) -> Node:
    return next(node for node in found.nodes if node.key == key)


def edge(found: Graph, source: str, digits: str | None, target: str) -> Edge:
    (only,) = [one for one in found.edges if (one.source, one.digits, one.target) == (source, digits, target)]
    return only


def test_calls_are_followed_from_menu_to_menu():
    rows = [
        question("a", to="main", total_ms=3.0), question("b", to="main", total_ms=9.0), question("a", "main", "1", "order"),
        question("b", "main", "2", "!call", total_ms=40.0), question("a", "order", "****", "!hangup"), ended("a"), ended("b"),
    ]  # fmt: skip
    found = graph(reversed(rows))
    assert (found.calls, found.questions, found.folded) == (2, 5, 0)
    assert [one.key for one in found.nodes] == ["start", "menu:main", "menu:order", "call", "hangup"]
    assert edge(found, "start", None, "menu:main") == Edge("start", "menu:main", None, "call begins", False, 2, 0, 6.0)
    assert edge(found, "menu:main", "2", "call").median_ms == 40.0
    assert edge(found, "menu:order", "****", "hangup").label == "4 digits"
    main = node(found, "menu:main")
    assert (main.visits, main.callers, main.went_on, main.dropped, main.median_ms) == (2, 2, 2, 0, 25.0)


def test_who_hangs_up_in_a_menu_is_a_drop_off_of_that_menu():
    rows = []
    for call in "abcd":
        rows.append(question(call, to="main"))
    rows += [question("a", "main", "1", "order"), ended("a", "not_stored"), ended("b"), ended("b", "duplicate")]
    rows += [question("c", "main", "2", "!call"), ended("c")]
    found = graph(rows)
    main, order = node(found, "menu:main"), node(found, "menu:order")
    assert (main.dropped, main.callers, main.dropped_share) == (1, 4, 0.25), "a went on, c was connected, d is still there"
    assert (order.dropped, order.dropped_share) == (1, 1.0)
    assert node(found, "call").dropped == 0


def test_a_menu_that_was_heard_before_is_a_loop():
    rows = [question("a", to="main"), question("a", "main", "9", "main"), question("a", "main", "1", "order"), question("a", "order", "0", "main")]
    rows += [question("b", to="main"), question("b", "main", "1", "order")]
    found = graph(rows)
    assert edge(found, "menu:main", "9", "menu:main").is_loop
    back = edge(found, "menu:order", "0", "menu:main")
    assert (back.looped, back.is_loop) == (1, True)
    assert not edge(found, "menu:main", "1", "menu:order").is_loop
    assert (node(found, "menu:main").looped, node(found, "menu:order").looped) == (2, 0)
    rows += [question("c", to="order"), question("c", "order", "0", "main"), question("d", to="order"), question("d", "order", "0", "main")]
    back = edge(graph(rows), "menu:order", "0", "menu:main")
    assert (back.count, back.looped, back.is_loop) == (3, 1, False), "most come here for the first time"


def test_a_menu_nobody_gets_out_of_is_a_dead_end():
    rows = []
    for number in range(DEAD_END_CALLERS):
        rows += [question(f"c{number}", to="main"), question(f"c{number}", "main", "1", "silo"), question(f"c{number}", "silo", "7", "silo")]
    found = graph(rows)
    assert [one.name for one in found.nodes if one.dead_end] == ["silo"]
    assert [one.name for one in graph(rows[3:]).nodes if one.dead_end] == [], "too few callers tell nothing"
    assert [one.name for one in graph([*rows, question("x", "silo", "1", "main")]).nodes if one.dead_end] == []


def test_a_fallback_is_an_edge_of_its_own():
    rows = [question("a", to="main"), question("a", "main", "1", "sorry", outcome="fallback"), question("b", to="main"), question("b", "main", "1", "sorry")]
    found = graph(rows)
    assert [(one.fallback, one.count) for one in found.edges if one.source == "menu:main"] == [(False, 1), (True, 1)]
    assert node(found, "menu:main").fallbacks == 1


def test_a_call_that_nobody_answers_goes_on_in_its_menu():
    rows = [question("a", to="main"), question("a", "main", "2", "!call", failure_menu="nobody"), question("a", "nobody", "1", "!record")]
    found = graph(rows)
    assert edge(found, "call", None, "menu:nobody").label == "not answered"
    assert (node(found, "menu:nobody").visits, node(found, "record").callers) == (1, 1)


@pytest.mark.parametrize(("about", "key"), [({"failure_menu": "m"}, "call"), ({}, "native"), ({"next_menu": "m"}, "menu:m")])
def test_an_answer_in_the_platforms_own_shape_leads_where_it_says(about: dict[str, str], key: str):
    (found,) = graph([question("a", action="native", to="") | about]).edges
    assert found.target == key


def test_an_identical_question_that_shared_its_answer_counts_once():
    rows = [question("a", to="main", turn=1), question("a", "main", "1", "order", turn=2), question("a", "main", "1", "order", turn=2)]
    found = graph(rows)
    assert (found.questions, node(found, "menu:order").visits) == (2, 1)


def test_a_call_whose_beginning_is_not_kept_is_counted_where_it_is_seen():
    found = graph([ended("z"), question("a", "order", "1", "bye"), ended("a")])
    assert [one.key for one in found.nodes] == ["menu:bye", "menu:order"]
    assert (node(found, "menu:order").callers, node(found, "menu:bye").dropped, found.calls) == (1, 1, 1)


def test_menus_without_number_are_drawn_as_one():
    rows = [question(f"c{number}", "main", "1", f"order_{number}") for number in range(300)]
    found = graph(rows)
    assert (len(found.nodes), found.folded) == (MOST_MENUS + 1, 301 - MOST_MENUS)
    assert node(found, "others").name == "221 other menus"
    assert sum(one.count for one in found.edges) == 300


@pytest.mark.parametrize(
    ("digits", "secret", "label"),
    [("", False, "nothing pressed"), ("12", False, "12"), ("****", False, "4 digits"), ("*", False, "*"), ("*", True, "1 digit"), ("*1#", True, "*1#")],
)
def test_masked_digits_are_told_by_their_number(digits: str, secret: bool, label: str):
    assert label_of(digits, secret) == label


def test_a_drawing_shows_every_way_out_and_folds_digits_that_lead_to_the_same():
    rows = [question("a", to="main")]
    rows += [question(f"c{digit}", "main", str(digit), "order") for digit in range(6)] + [question("x", "main", "9", "!hangup")]
    drawn = drawing(graph(rows))
    (main,) = [card for card in drawn.cards if card.node.key == "menu:main"]
    assert sorted((way.count, len(way.edges)) for way in main.ways) == [(1, 1), (6, 6)]
    assert all(way.path.startswith("M") and way.y + 20 <= main.height for way in main.ways)


def test_a_long_name_is_cut_where_it_does_not_fit():
    assert short("main", 5) == "main"
    assert short("a" * 30, 10) == "a" * 9 + "…"
    assert len(short("菜单" * 20, 10)) < 8


def test_a_drawing_of_many_rows_at_random_has_every_node():
    chance = random.Random(5)
    rows = []
    for call in range(400):
        here = ""
        for _ in range(chance.randrange(1, 9)):
            to = chance.choice([f"m{chance.randrange(60)}", "!hangup", "!call"])
            rows.append(question(f"c{call}", here, chance.choice("123456789"), to, outcome=chance.choice(["answered", "fallback"])))
            if to[0] == "!":
                break
            here = to
        rows.append(ended(f"c{call}"))
    found = graph(rows)
    drawn = drawing(found)
    assert {card.node.key for card in drawn.cards} == {one.key for one in found.nodes}
    assert sum(len(way.edges) for card in drawn.cards for way in card.ways) == len(found.edges)

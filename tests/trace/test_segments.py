"""Documents of one batch in one row: each is found again, none outlives what it was recorded for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from rpcbridge import db
from rpcbridge.exchange import Exchange
from rpcbridge.trace.noting import noted
from rpcbridge.trace.segments import hash_of, segmented
from rpcbridge.trace.store import DOCUMENTS, Store
from tests.trace.conftest import START
from tests.trace.test_store import GIB, RECORDER


def segments(store: Store) -> list[tuple[str, bytes]]:
    with db.reading(store.engine) as connection:
        return [(row.id, bytes(row.documents)) for row in connection.execute(select(DOCUMENTS).order_by(DOCUMENTS.c.id))]


def test_documents_of_a_batch_share_rows_of_a_bounded_size():
    def sizes(*documents: int) -> list[tuple[str, int]]:
        rows = [{"id": f"{number:03}", "document": b"x" * size, "size": size} for number, size in enumerate(documents)]
        for _, placed in segmented(rows):
            assert [begin for _, begin in placed] == [sum(row["size"] for row, _ in placed[:place]) for place in range(len(placed))]
        return [(segment.id, len(segment.documents)) for segment, _ in segmented(rows)]

    assert sizes() == []
    assert sizes(*[10] * 130) == [("063", 640), ("127", 640), ("129", 20)]
    assert sizes(200_000, 62_144, 1, 300_000, 5) == [("001", 262_144), ("002", 1), ("003", 300_000), ("004", 5)]


def test_a_segment_is_named_after_its_newest_exchange(store: Store, exchange: Callable[..., Exchange]):
    store.add([RECORDER.row(noted(exchange(number))) for number in (2, 5, 3)], 0, START)
    assert [id for id, _ in segments(store)] == [exchange(5).id]
    assert [store.exchange(exchange(number).id)["id"] for number in (2, 3, 5)] == [exchange(number).id for number in (2, 3, 5)]  # type: ignore[index]


def test_each_is_found_whatever_is_written_beside_it(store: Store, exchange: Callable[..., Exchange]):
    odd = ["plain", "שלום עולם", "𝄞" * 50, "a\0b", "\ud800", "tab\tand\\back\nslash"]
    store.add([RECORDER.row(noted(exchange(number, detail=detail, method=detail))) for number, detail in enumerate(odd)], 0, START)
    for number, detail in enumerate(("plain", "שלום עולם", "𝄞" * 50, "a\0b", "?", "tab\tand\\back\nslash")):
        found = store.exchange(exchange(number).id)
        assert found is not None
        assert (found["detail"], found["method"]) == (detail, detail.replace("\0", ""))


def test_a_purged_call_is_overwritten_and_the_others_stay(store: Store, exchange: Callable[..., Exchange]):
    store.add([RECORDER.row(noted(exchange(number, detail=f"call{number % 3}"))) for number in range(7)], 0, START)
    store.add([RECORDER.row(noted(exchange(7, detail="call1")))], 0, START)
    before = segments(store)
    assert store.purge("call1") == 3
    after = segments(store)
    assert [(id, len(text)) for id, text in after] == [(id, len(text)) for id, text in before]
    assert b"call1" in before[0][1]
    assert b"call1" not in after[0][1]
    assert after[1][1].isspace()
    for number in (0, 2, 3, 5, 6):
        assert store.exchange(exchange(number).id)["detail"] == f"call{number % 3}"  # type: ignore[index]
    assert store.exchange(exchange(1).id) is None
    assert store.purge("call1") == 0


def test_calls_whose_ids_look_alike_in_the_index_are_told_apart(store: Store, exchange: Callable[..., Exchange]):
    alike = ("plumless", "buckeroo")  # the same CRC
    assert hash_of(alike[0]) == hash_of(alike[1])
    store.add([RECORDER.row(noted(exchange(number, content={**exchange(number).content, "call_id": id}))) for number, id in enumerate(alike)], 0, START)  # type: ignore[dict-item]
    assert [row["call_id"] for row in store.of_call("plumless")] == ["plumless"]
    assert store.purge("plumless") == 1
    assert [row["call_id"] for row in store.documents_of("buckeroo")] == ["buckeroo"]


def test_a_segment_is_forgotten_with_the_last_of_its_exchanges(store: Store, exchange: Callable[..., Exchange]):
    for begin in (0, 4, 8):
        store.add([RECORDER.row(noted(exchange(number))) for number in range(begin, begin + 4)], 0, START)
    store.prune(6, timedelta(days=1), GIB, START)
    assert [id for id, _ in segments(store)] == [exchange(7).id, exchange(11).id]
    assert store.exchange(exchange(5).id) is None
    assert store.exchange(exchange(6).id) is not None
    store.prune(0, timedelta(days=1), GIB, START)
    assert segments(store) == []

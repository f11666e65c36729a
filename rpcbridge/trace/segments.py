"""Documents in segments: those of one batch in one row, one after the other, each found by where it begins and how long it is.

A row for each would cost a database more to write, and twice as much again to forget. Bytes, so that a place in them
is the same for every database. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from rpcbridge.trace.record import Row

# To read one document, SQLite goes through all of its segment that stands before it; to purge one, all is written anew.
_DOCUMENTS, _BYTES = 64, 256 * 1024

_document, _id = itemgetter("document"), itemgetter("id")


class Segment(NamedTuple):
    """Some documents; `id` is that of the newest exchange among them: when it is outdated, all of them are."""

    id: str
    documents: bytes


def segmented(rows: Sequence[Row]) -> Iterator[tuple[Segment, list[tuple[Row, int]]]]:
    """Segments of the documents of `rows`, and with each its rows and where their documents begin."""
    for some in _portions(rows):
        documents, begin, placed = [], 0, []
        for row in some:
            documents.append(_document(row))
            placed.append((row, begin))
            begin += len(documents[-1])
        yield Segment(max(map(_id, some)), b"".join(documents)), placed


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    first, size = 0, 0
    for place, row in enumerate(rows):
        if place > first and (place - first == _DOCUMENTS or size + row["size"] > _BYTES):
            yield rows[first:place]
            first, size = place, 0
        size += row["size"]
    if rows:
        yield rows[first:]


def blanked(documents: bytes, places: Iterable[tuple[int, int]]) -> bytes:
    """A segment without what stands at these places (begin, length); no shorter, so that it is overwritten where it stands."""
    blank = bytearray(documents)
    for begin, length in places:
        blank[begin : begin + length] = b" " * length
    return bytes(blank)


def hash_of(call_id: str) -> int:
    """A small number for a call's id, 0 for none. Ids are long and come in no order: an index of them is several times as large."""
    return zlib.crc32(call_id.encode()) & 0x7FFFFFFF

"""What the address of the list of calls asks for, read field by field: a search, or every fault with the field's name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rpcbridge.trace.queries import KINDS, OUTCOMES, Search
from rpcbridge.web.debug.times import LAST, moment

FIELDS = ("call", "number", "menu", "digits", "outcome", "reason", "platform", "origin", "kind", "last", "from", "until")
ORIGINS = ("real", "phone", "drill", "replay")
_LONGEST = 200  # characters, as many as the columns have

_CHOICES: Mapping[str, tuple[str, ...]] = {"outcome": OUTCOMES, "origin": ORIGINS, "kind": KINDS, "last": tuple(LAST)}
_BETWEEN = str.maketrans("", "", " -\t\u00a0\u2010\u2011\u2013")  # blanks and dashes that people write into numbers
_HIDDEN = 4  # so many digits are masked when recorded


@dataclass(frozen=True, slots=True)
class Asked:
    """given: the fields that are not empty, as they were written. before: where the page before ended, 0 for the first page."""

    given: Mapping[str, str]
    search: Search
    before: int
    faults: tuple[tuple[str, str], ...]


def asked(address: Mapping[str, str], pseudonym: Callable[[str], str], now: datetime, *, reveal: bool = False) -> Asked:
    """`pseudonym`: of a number, as recorded; called only where one is asked for."""
    given = {name: text for name, value in address.items() if (text := _as_kept(value))}
    faults = tuple(_faults(given, reveal=reveal))
    if faults:
        return Asked(given, Search(), 0, faults)
    before = int(given.pop("before", "0"))
    since = now - LAST[given["last"]] if "last" in given else moment(given.get("from", ""))
    plain = {name: given.get(name, "") for name in ("call", "menu", "digits", "outcome", "reason", "platform", "origin", "kind")}
    keys = tuple(sorted({pseudonym(number) for number in _spellings(given.get("number", ""))}))
    return Asked(given, Search(keys=keys, since=since, until=moment(given.get("until", ""), end=True), **plain), before, ())


def _as_kept(text: str) -> str:
    """As it would be recorded: without what no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip()


def _faults(given: Mapping[str, str], *, reveal: bool) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if name not in (*FIELDS, "before"):
            yield name[:40], f"there is no such filter; there are {', '.join(FIELDS)}"
        elif len(value) > _LONGEST:
            yield name, f"longer than {_LONGEST} characters"
        elif name in _CHOICES and value not in _CHOICES[name]:
            yield name, f"expected one of {', '.join(_CHOICES[name])}, got {value!r}"
        elif name in ("from", "until") and moment(value) is None:
            yield name, f"expected a time in UTC such as 2026-11-20T21:30 or 2026-11-20, got {value!r}"
        elif name == "before" and not re.fullmatch("[0-9]{1,18}", value, re.ASCII):
            yield name, f"expected the number that the page before ended with, got {value!r}"
        elif name == "number" and "*" in value:
            yield name, "masked numbers cannot be searched: give the whole number, as the phone system sends it"
        elif name == "digits":
            yield from _digits_faults(value, reveal=reveal)
    if "last" in given and ("from" in given or "until" in given):
        yield "last", "cannot go together with from or until"


def _digits_faults(value: str, *, reveal: bool) -> Iterator[tuple[str, str]]:
    if not re.fullmatch("[0-9A-Da-d*#]+", value, re.ASCII):
        yield "digits", f"expected what a caller can press, got {value!r}"
    elif len(value) >= _HIDDEN and value.strip("*") and not reveal:
        yield "digits", f"four and more are masked when recorded: {'*' * len(value)} finds every input of {len(value)}"


def _spellings(number: str) -> set[str]:
    """A number as it was typed, and without what people put between digits: it is found as the phone system sent it."""
    return {number, number.translate(_BETWEEN)} - {""}

"""The sensitive values of one call, to be found in any text, however it writes them. Pure."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote
from xml.sax.saxutils import escape

from rpcbridge.redaction.masks import MARKS, SHOWN_DIGITS, ends_in_a_word, hidden_name, number_masked, stars

_CUT = 4  # a shorter value stands elsewhere in a request, too
_LONG = 3  # a shorter value would be found in every other word; its field is masked by name


class Known:
    """The sensitive values of one call, to be found wherever they stand."""

    __slots__ = ("_own", "_values", "secret_digits")

    def __init__(
        self, numbers: Iterable[str] = (), names: Iterable[str] = (), digits: str = "", *, ids: Iterable[str] = (), secret_digits: bool = False
    ) -> None:
        """`ids`: what is its own, but may be read."""
        self.secret_digits = secret_digits
        self._values: list[tuple[str, Callable[[str], str]]] = []
        self._own: list[tuple[str, str, str]] = []  # a mark, the value, what is shown of it
        for place, value in enumerate(numbers):
            if len(value) >= _LONG:
                self._know(value, number_masked, MARKS["number"][place : place + 1])
        for value in names:
            if len(value) >= _LONG:
                self._know(value, hidden_name, MARKS["name"])
        if len(digits) >= SHOWN_DIGITS or (secret_digits and len(digits) > 1):
            self._know(digits, stars, MARKS["digits"])
        for value in ids:
            if len(value) >= _CUT:
                self._own.append((MARKS["plain"], value, value))

    def _know(self, value: str, mask: Callable[[str], str], mark: str) -> None:
        plain = value.isalnum()
        if plain and value.isascii():
            self._values.append((value, mask))
        else:
            self._values += [(written, mask) for written in _spellings(value)]
        if mark and len(value) >= _CUT and (plain or value.replace(" ", "").lstrip("+").isalnum()):
            self._own.append((mark, value, mask(value)))

    def cut(self, text: str) -> str:
        """`text` with marks for the call's own values."""
        for mark, value, _ in self._own:
            text = text.replace(value, mark)
        return text

    def filled_in(self, text: str) -> str:
        """What was `cut`, with what is shown of the values."""
        for mark, _, shown in self._own:
            text = text.replace(mark, shown)
        return text

    def stands_in(self, text: str) -> bool:
        """Whether one of the values may stand in `text`."""
        return any(written in text for written, _ in self._values)

    def removed(self, text: str) -> str:
        """`text` without the values, as they are or as XML, JSON and URLs write them."""
        for written, mask in self._values:
            if written in text:
                text = _replaced(text, written, mask(written))
        return text


def _replaced(text: str, word: str, mask: str) -> str:
    """`text` with `mask` for every `word` that is not part of a longer one. `re` would keep a pattern for each word."""
    parts = text.split(word)
    whole = parts[0]
    for before, after in itertools.pairwise(parts):
        alone = not (ends_in_a_word(before) or _begins_a_word(after))
        whole += (mask if alone else word) + after
    return whole


def _begins_a_word(text: str) -> bool:
    return text[:1].isalnum()


_PLAINLY_WRITTEN = re.compile(r"[ !#-%'-;=?-\[\]-~]*")  # what XML and JSON write as it is


@functools.lru_cache(1024)  # who calls is asked for more than once
def _spellings(value: str) -> frozenset[str]:
    """`value` as it is, and as XML, JSON and URLs write it."""
    if value.isascii() and value.replace(" ", "").isalnum():  # most names; the rest gives the same, and takes longer
        return frozenset({value, value.replace(" ", "%20"), value.replace(" ", "+")})
    path = quote(value, safe="")
    urls = {path, path.replace("%20", "+")}
    if _PLAINLY_WRITTEN.fullmatch(value):
        return frozenset({value, *urls})
    escaped, lower = escape(value), json.dumps(value)[1:-1]
    upper = re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), lower)
    numeric = escaped.encode("ascii", "xmlcharrefreplace").decode()
    return frozenset({value, upper, numeric, escaped, lower, json.dumps(value, ensure_ascii=False)[1:-1], *urls})

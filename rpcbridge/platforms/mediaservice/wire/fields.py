"""The kinds of value in Mediaservice's JSON. Requests come as the codec's values (a number is a Lexical), answers as plain JSON.

The vendor's document types a field in one way and its samples in another: a text is printed as a
number, an object as a text. These fields take what can only mean one thing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from rpcbridge.codec import json_text
from rpcbridge.errors import CallError, shown
from rpcbridge.schemas.fields import Text, Whole

_LONGEST_NUMBER = 40  # characters: no port, code, size or number of seconds has more
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_MOST_STRINGIFIED = 3  # times that an object may have been written into a text
_LONGEST_REFERENCE = 8192  # characters that are looked into: the bridge's own references have some forty


class Count(Whole):
    """A whole number: 486, "486", 486.0 or 4.86e2. The document says number where only a whole one makes sense."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> int:
        number = _decimal(value)
        if number is not None and number == number.to_integral_value():
            return int(number)
        raise ValidationError(f"expected a whole number, got {shown(value)}")


class Seconds(fields.Field[int | float]):
    """Seconds that an answer names, decimal: 2, 2.5 or "2.5"; not negative."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int | float:
        number = _decimal(value)
        if number is None or number < 0:
            raise ValidationError(f"expected a number of seconds, got {shown(value)}")
        return int(number) if number == number.to_integral_value() else float(number)


class Reference(fields.Field["dict[str, Any] | str"]):
    """sessionReferenceId: an object, or a text that may hold one as JSON, also stringified more than once; else that text.

    The document has it as a string in some callbacks and as an object in others, and prints a number.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any] | str:
        if isinstance(value, dict):
            return value
        if isinstance(value, str):
            return unstringified(value)[0]
        raise ValidationError(f"expected an object or a text, got {shown(value)}")


class Kept(fields.Field["dict[str, Any]"]):
    """An object whose members the document does not name: kept as it came."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected an object, got {shown(value)}")
        return dict(value)


class Names(fields.List[str]):
    """A list of texts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Line(empty=True), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(f"expected an array of texts, got {shown(value)}")
        return super()._deserialize(value, attr, data, **rest)


class Line(Text):
    """A text of one line without control characters. It may become a SIP header, where a line break would begin another."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"[^\x00-\x08\x0a-\x1f\x7f]*", "a text of one line", **options)


class Known(Line):
    """One of the document's words in any case, written as the document does."""

    def __init__(self, *words: str, **options: Any) -> None:
        self._words = {word.lower(): word for word in words}
        super().__init__(metadata={"enum": list(words)}, **options)
        self._expected = f"one of {', '.join(words)}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> str:
        word = self._words.get(super()._deserialize(value, attr, data, **rest).lower())
        if word is None:
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        return word


class Parameters(Kept):
    """An object of texts by name, as they become SIP headers or parameters; `several`: a value may be an array.

    `removes`: null says that a header is taken away; else it is left out.
    """

    def __init__(self, *, several: bool = False, removes: bool = False, **options: Any) -> None:
        self._several = several
        self._removes = removes
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> dict[str, Any]:
        read, problems = {}, {}
        for name, member in super()._deserialize(value, attr, data, **rest).items():
            if member is None and not self._removes:
                continue  # as everywhere: null is left out
            try:
                read[_NAME.deserialize(name)] = self._member(member)
            except ValidationError as error:
                problems[str(name)[:80]] = error.messages
        if problems:
            raise ValidationError(problems, valid_data=read)
        return read

    def _member(self, member: Any) -> Any:
        if member is None:
            return None
        if isinstance(member, list) and self._several:
            return [_VALUE.deserialize(one) for one in member]
        return _VALUE.deserialize(member)


_NAME = Text("[A-Za-z0-9!%'*+.^_`~-]{1,64}", "a name of letters, digits and -")  # RFC 3261's token, which names a header or a parameter
_VALUE = Line(empty=True)


def unstringified(text: str) -> tuple[dict[str, Any] | str, int]:
    """The object that `text` holds and how often it had been written into a text; `text` itself and 0 where there is none."""
    inner = text if len(text) <= _LONGEST_REFERENCE else ""
    for times in range(1, _MOST_STRINGIFIED + 1):
        if not inner.lstrip().startswith(("{", '"')):
            break
        try:
            value, _ = json_text.parse(inner.encode()).settled()
        except (CallError, UnicodeEncodeError):
            break
        if isinstance(value, dict):
            return value, times
        if not isinstance(value, str):
            break
        inner = value
    return str(text), 0


def _decimal(value: Any) -> Decimal | None:
    """`value` as an exact number; None for what is none, and for true and false in any guise."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)

"""Fields of Mediaservice's own API: read as generously as the contract's, and nothing that could end a SIP header's line. Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from rpcbridge.errors import MOST_PROBLEMS, shown
from rpcbridge.schemas.fields import AnswerSchema, Text

_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9!%'*+.^_`~-]{1,64}", re.ASCII)  # what RFC 3261 lets a header or a parameter be called
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MOST = 50  # headers or parameters in one object, values of one header


class Line(Text):
    """A text on one line. Much of it becomes a part of a SIP header, where a line break would begin another."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> str:
        text = super()._deserialize(value, attr, data, **rest)
        if _CONTROL.search(text):
            raise ValidationError(f"expected {self._expected} on one line, got {shown(value)}")
        return text


class Word(Text):
    """One of a few words, in any case, written as the platform does."""

    def __init__(self, *words: str, **options: Any) -> None:
        self._words = {word.lower(): word for word in words}
        super().__init__(expected=f"one of {', '.join(words)}", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> str:
        word = super()._deserialize(value, attr, data, **rest)
        if word.lower() not in self._words:
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        return self._words[word.lower()]


class Address(Text):
    """An IP address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(expected='an IP address such as "192.0.2.1"', **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> str:
        text = super()._deserialize(value, attr, data, **rest)
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise ValidationError(f"expected {self._expected}, got {shown(value)}") from None


class Number(fields.Field[float]):
    """A decimal number above `low`; a whole one stays whole."""

    def __init__(self, low: float, high: float, **options: Any) -> None:
        self._low, self._high = low, high
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> float:
        number = value
        if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
            number = float(value) if "." in value else int(value)
        good = isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        if not good or not self._low < number <= self._high:
            raise ValidationError(f"expected a number above {self._low:g}, at most {self._high:g}, got {shown(value)}")
        return number  # type: ignore[no-any-return]  # it is one by now, which mypy cannot follow


class Group(fields.Field[dict[str, Any]]):
    """Any JSON object."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected an object, got {shown(value)}")
        return dict(value)


class Parameters(fields.Field[dict[str, Any]]):
    """An object of names and texts, which become parameters of a SIP header or URI."""

    expected = 'an object of names and texts such as {"reason": "no-answer"}'
    _value = Line(r"[^<>;]*", "a text without < > ;", empty=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > _MOST:
            raise ValidationError(f"expected {self.expected}, of at most {_MOST}, got {shown(value)}")
        read: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        for name, content in value.items():
            try:
                read[self._name(str(name))] = self._content(content)
            except ValidationError as error:
                problems[str(name)[:80]] = error.messages
        if problems:
            raise ValidationError(problems)
        return read

    def _name(self, name: str) -> str:
        if not _TOKEN.fullmatch(name):
            raise ValidationError("cannot be a name: expected letters, digits and -")
        return name

    def _content(self, content: Any) -> Any:
        return self._value.deserialize(content)


class Headers(Parameters):
    """An object of headers with a text or an array of texts each. All names begin with `prefix`."""

    _value = Line(empty=True)

    def __init__(self, prefix: str, **options: Any) -> None:
        self._prefix = prefix
        self.expected = f'an object of headers such as {{"{prefix}name": "text"}}'
        super().__init__(**options)

    def _name(self, name: str) -> str:
        if not name.lower().startswith(self._prefix):
            raise ValidationError(f"expected a header that begins with {self._prefix}")
        return super()._name(name)

    def _content(self, content: Any) -> Any:
        if not isinstance(content, list):
            return super()._content(content)
        if len(content) > _MOST:
            raise ValidationError(f"expected at most {_MOST} values, got {len(content)}")
        return [super(Headers, self)._content(each) for each in content]


class Records(fields.Field[list[dict[str, Any]]]):
    """An array of objects with the same fields."""

    def __init__(self, known: Mapping[str, fields.Field[Any]], most: int, **options: Any) -> None:
        self._schema = AnswerSchema.from_dict(dict(known))()
        self._most = min(most, MOST_PROBLEMS)
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or len(value) > self._most:
            raise ValidationError(f"expected an array of at most {self._most} objects, got {shown(value)}")
        read, problems = [], {}
        for place, item in enumerate(value):
            try:
                read.append(self._schema.load(item))
            except ValidationError as error:
                problems[str(place)] = error.messages
        if problems:
            raise ValidationError(problems)
        return read

"""Fields that read generously and refuse clearly. What they changed is found by comparing, see repairs.py."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from rpcbridge.domain.actions import Prompt
from rpcbridge.errors import MOST_PROBLEMS, Problem, nearest, shown

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_PROMPT_KINDS = ("file", "url", "text")
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Whole(fields.Integer):
    """A whole number: an integer, an integral float, or ASCII digits with a sign. marshmallow's own takes 7.9 and "1_000"."""

    def __init__(self, low: int | None = None, high: int | None = None, **options: Any) -> None:
        limits = []
        if low is not None or high is not None:
            words = f"{low} or more" if high is None else f"{low} to {high}"
            limits = [validate.Range(low, high, error=f"expected {words}, got {{input}}")]
        super().__init__(validate=limits, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and math.isfinite(value) and value.is_integer():
            return int(value)
        if isinstance(value, str) and _INTEGER.fullmatch(text := value.strip()):
            return int(text)
        raise ValidationError(f"expected an integer, got {shown(value)}")


class Text(fields.String):
    """A text, outer blanks removed. A whole number becomes its digits, as loosely typed backends send ids."""

    def __init__(self, pattern: str | None = None, expected: str = "a text", *, empty: bool = False, **options: Any) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._expected = expected
        self._empty = empty
        super().__init__(**options)
        self._any_text = pattern is None and type(self) is Text and not self.validators

    @property
    def json_schema(self) -> dict[str, Any]:
        """What JSON Schema says of this text."""
        if self._pattern is not None:
            return {"pattern": f"^(?:{self._pattern.pattern})$"}
        return {} if self._empty else {"minLength": 1}

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **rest: Any) -> Any:
        """As marshmallow's; a plain text, which nearly every value is, needs none of its steps."""
        if type(value) is str and self._any_text and (text := value.strip()):
            return text
        return super().deserialize(value, attr, data, **rest)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        text = value.strip()
        if not text and not self._empty:
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        if self._pattern is not None and not self._pattern.fullmatch(text):
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        return text


class Texts(fields.List[str]):
    """At most `most` texts, counted before any is read."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(Text(), validate=validate.Length(max=most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> list[Any]:
        if isinstance(value, list):
            self._validate(value)
            value = [carried(item) if type(item) is str else item for item in value]
        return super()._deserialize(value, attr, data, **rest)


class Flag(fields.Boolean):
    """true or false; also 1, 0 and those words as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        flag = value if isinstance(value, bool) else None
        if flag is None and isinstance(value, int | str):
            flag = _FLAGS.get(str(value).strip().lower())
        if flag is None:
            raise ValidationError(f"expected true or false, got {shown(value)}")
        return flag


class OneOf(Text):
    """One of a few words, in any case."""

    def __init__(self, *words: str, **options: Any) -> None:
        self.words = words
        super().__init__(expected=f"one of {', '.join(words)}", metadata={"enum": list(words)}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> str:
        word = super()._deserialize(value, attr, data, **rest).lower()
        if word not in self.words:
            raise ValidationError(f"expected {self._expected}, got {shown(value)}")
        return word


def carried(text: str) -> str:
    """`text` without the characters that XML cannot carry: an answer must say the same in every dialect."""
    return _UNSPEAKABLE.sub("", text)


class PromptField(fields.Field[Prompt]):
    """A recording's name, or an object with exactly one of `file`, `url`, `text` (and `voice`, `language`)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Prompt:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return Prompt(name=value.strip())
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a recording's name or an object with file, url or text, got {shown(value)}")
        loaded: dict[str, Any] = _PROMPT.load(value)
        if len([kind for kind in _PROMPT_KINDS if kind in loaded]) != 1:
            raise ValidationError("expected exactly one of file, url, text")
        return Prompt(**loaded)


class GivenSchema(Schema):
    """A schema for what says something: null counts as left out, as .NET, Java and PHP write every unset property.

    A caller waits while it loads. What marshmallow has hooks for is done around `load` (its hooks
    cost more than the fields), and it is spared the fields that were left out: required ones are
    looked for here.
    """

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "expected an object"}  # noqa: RUF012  # as marshmallow declares it

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._required = [str(field.data_key or name) for name, field in self.fields.items() if field.required]

    def load(self, data: Any, **_: Any) -> Any:
        """As marshmallow's: raises ValidationError with every problem."""
        if type(data) is not dict and not isinstance(data, Mapping):  # asking an abstract class is dear
            return super().load(data)
        given = self.given(data)
        problems = self.problems(data, given)
        if not problems:
            return super().load(given, partial=True)
        try:
            read = super().load(given, partial=True)
        except ValidationError as error:
            raise ValidationError(problems | error.messages_dict, data=data, valid_data=error.valid_data) from None
        raise ValidationError(problems, data=data, valid_data=read)

    def given(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`data` without what is left out."""
        return data if None not in data.values() else {key: value for key, value in data.items() if value is not None}

    def problems(self, data: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with the keys: those that are missing in what is given."""
        return {key: ["missing, and required"] for key in self._required if key not in given}


class AnswerSchema(GivenSchema):
    """One that names the nearest known key for an unknown one, beside all other problems."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known = {str(field.data_key or name): None for name, field in self.fields.items()}

    def given(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`data` without what is left out, its texts without what XML cannot carry."""
        said = super().given(data)
        cleaned = {name: carried(value) for name, value in said.items() if type(value) is str and not value.isprintable()}
        return {**said, **cleaned} if cleaned else said

    def problems(self, data: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with the keys: those that are missing, and those nobody knows."""
        strangers = [str(key) for key in data if key not in self._known]
        unknown: dict[str, Any] = {key[:80]: [f"unknown key, {nearest(key, list(self._known))}"] for key in strangers[:MOST_PROBLEMS]}
        unknown |= {key[:80]: ["unknown key"] for key in strangers[MOST_PROBLEMS:]}  # to be counted, not read
        return unknown | super().problems(data, given)


class _PromptSchema(AnswerSchema):
    file = Text()
    url = Text()
    text = Text()
    voice = Text()
    language = Text()


_PROMPT = _PromptSchema()


def problems_of(error: ValidationError, path: str = "") -> tuple[Problem, ...]:
    """marshmallow's nested messages as a flat list of problems, each with its path."""

    def walk(messages: Any, path: str) -> list[Problem]:
        if isinstance(messages, Mapping):
            return [
                problem
                for key, inner in messages.items()
                for problem in walk(inner, path if key == "_schema" else f"{path}.{key}" if path else str(key))
            ]
        if isinstance(messages, list):
            return [problem for inner in messages for problem in walk(inner, path)]
        return [Problem(path, str(messages).removesuffix("."))]

    return tuple(walk(error.messages, path))


def load_prompt(value: object, path: str) -> tuple[Prompt | None, tuple[Problem, ...]]:
    """A prompt on its own, or every problem with it under `path`."""
    try:
        return _PROMPT_FIELD.deserialize(value), ()
    except ValidationError as error:
        return None, problems_of(error, path)


_PROMPT_FIELD = PromptField(required=True)

"""JSON from a page, read field by field: every problem noted with its path, so that all are said at once. Guesses nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rpcbridge.errors import Problem, shown

LONGEST = 4096  # characters of one text: a backend's menu is shorter, and a page must not fill the memory


class Reader:
    """One JSON object. A field that cannot be used joins `problems`, and reads as a harmless value."""

    def __init__(self, given: object, path: str, problems: list[Problem]) -> None:
        self.problems = problems
        self._path = path
        self._given: dict[str, Any] = given if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            self._note("", f"expected an object, got {shown(given)}")

    def text(self, name: str, longest: int = LONGEST) -> str:
        """A text of printable characters."""
        value = self._given.get(name)
        if type(value) is not str:
            self._note(name, f"expected a text, got {shown(value)}" if name in self._given else "missing, and required: a text")
            return ""
        if len(value) > longest:
            self._note(name, f"expected at most {longest} characters, got {len(value)}")
            return ""
        if not value.isprintable():
            self._note(name, "holds a character that cannot be printed")
            return ""
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        value = self._given.get(name)
        if type(value) is int and low <= value <= high:
            return value
        self._note(name, f"expected an integer from {low} to {high}, got {shown(value)}")
        return low

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self._given.get(name)
        if type(value) is not bool:
            self._note(name, f"expected true or false, got {shown(value)}")
        return value is True

    def choice(self, name: str, known: Collection[str]) -> str:
        """One of some words."""
        value = self._given.get(name)
        if type(value) is str and value in known:
            return value
        words = ", ".join(word or '""' for word in known)
        self._note(name, f"expected one of {words}, got {shown(value)}")
        return next(iter(known), "")

    def given(self, name: str) -> bool:
        """Whether there is such a field, and it is not null."""
        return self._given.get(name) is not None

    def inner(self, name: str) -> Reader:
        """The object in a field."""
        return Reader(self._given.get(name), self._at(name), self.problems)

    def refuse(self, name: str, message: str) -> None:
        """Note what is wrong with a field beyond its type."""
        self._note(name, message)

    def _note(self, name: str, message: str) -> None:
        self.problems.append(Problem(self._at(name), message))

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self._path, name) if part)

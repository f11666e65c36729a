"""Which backend and which fallback serve a called number. An exact number beats the longest prefix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Fallback = TypeVar("Fallback")


@dataclass(frozen=True, slots=True)
class Target(Generic[Fallback]):
    """What serves a called number: a backend's base URL and a fallback."""

    url: str
    fallback: Fallback


class Routes(Generic[Fallback]):
    """The configured routes; `of` never fails, the default serves what no route names."""

    def __init__(
        self,
        default: Target[Fallback],
        numbers: dict[str, Target[Fallback]],
        prefixes: Iterable[tuple[str, Target[Fallback]]],
    ) -> None:
        self.default = default
        self._numbers = numbers
        self._prefixes = sorted(prefixes, key=lambda entry: -len(entry[0]))

    def of(self, called_number: str | None) -> Target[Fallback]:
        """The target of `called_number` as the platform sent it; None is no number at all."""
        if called_number is None:
            return self.default
        exact = self._numbers.get(called_number)
        if exact is not None:
            return exact
        return next((target for prefix, target in self._prefixes if called_number.startswith(prefix)), self.default)

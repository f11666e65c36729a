"""A row of the table, and the two sizes of every scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Size:
    """How much is tried. `times` is how often something is broken, `patience` what a deadline's margin is multiplied by."""

    requests: int
    hangups: int
    times: int
    seconds: float
    deadline: float
    patience: float


FULL = Size(requests=3000, hangups=2000, times=4, seconds=8.0, deadline=4.0, patience=1.0)
SHORT = Size(requests=300, hangups=300, times=1, seconds=2.0, deadline=4.0, patience=3.0)


@dataclass(slots=True)
class Row:
    """What became of every request of a scenario. `problems` names each promise that was broken."""

    name: str
    tried: int = 0
    survived: int = 0
    refused: int = 0  # hang-ups answered STATUS 1: the phone system knows that they are not stored
    reset: int = 0
    lost: int = 0
    wrong: int = 0
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def require(self, holds: object, promise: str) -> None:
        """Note a promise that does not hold."""
        if not holds:
            self.problems.append(promise)


Scenario = Callable[[Path, Size], Row]


class Missing(Exception):
    """This machine lacks what a scenario needs; the message says what, and how to get it."""


def table(rows: Sequence[Row]) -> Table:
    """The rows as they are printed."""
    made = Table(title="What breaks, and what becomes of the requests", title_justify="left", title_style="bold")
    made.add_column("row", no_wrap=True)
    for name in ("tried", "survived", "STATUS 1", "reset by the kill itself", "lost", "wrong"):
        made.add_column(name, justify="right", max_width=10)
    made.add_column("remarks")
    for row in rows:
        counts = (row.tried, row.survived, row.refused, row.reset, row.lost, row.wrong)
        made.add_row(row.name, *map(str, counts), "; ".join(row.remarks), style="red" if row.problems else "")
    return made

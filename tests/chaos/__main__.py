"""`python -m tests.chaos [ROW ...]`: break everything, or what is named, and show the table. Exits with 1 where a promise is broken."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from tests.chaos.row import FULL, SHORT, Missing, Row, Size, table
from tests.chaos.rows import ROWS

_WIDTH = 150


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(list(ROWS)))
@click.option("--short", is_flag=True, help="As in the tests: less of everything, wider margins.")
def main(rows: Sequence[str], short: bool) -> None:
    """Break everything under load, on loopback, and show what became of the requests."""
    console = Console()
    console.width = max(console.width, _WIDTH)
    size, done, missing = SHORT if short else FULL, [], []
    for name in rows or ROWS:
        console.print(f"{name} ...", end=" ")
        before = time.monotonic()
        try:
            done.append(_row(name, size))
        except Missing as reason:
            missing.append(f"{name}: {reason}")
        console.print(f"{time.monotonic() - before:.0f} s")
    console.print(table(done))
    _explain(console, done, missing)
    sys.exit(1 if missing or any(row.problems for row in done) else 0)


def _row(name: str, size: Size) -> Row:
    with tempfile.TemporaryDirectory(prefix="rpcbridge-chaos") as folder:
        try:
            return ROWS[name](Path(folder), size)
        except AssertionError as failure:
            return Row(name, problems=[str(failure)])


def _explain(console: Console, done: Sequence[Row], missing: Sequence[str]) -> None:
    for reason in missing:
        console.print("[bold yellow]Not run:[/]", escape(reason), soft_wrap=True)
    for row in done:
        for problem in row.problems:
            console.print(f"[bold red]{row.name}:[/]", escape(problem), soft_wrap=True)


if __name__ == "__main__":
    main()

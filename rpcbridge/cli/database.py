"""What the verbs share that look into the database: one way to say that it cannot be used, one way to print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from rpcbridge.cli.configuration import UNREACHABLE
from rpcbridge.errors import DatabaseError

json_option: Callable[..., Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Exits with 3 where the database cannot be used."""
    from sqlalchemy.exc import SQLAlchemyError  # here: it costs 0.2 s, and most commands need none of it

    from rpcbridge import db

    try:
        yield
    except DatabaseError as error:
        reason = str(error)
    except SQLAlchemyError as error:
        reason = db.reason(error)
    else:
        return
    click.echo(f"The database cannot be used ({'SQLite' if url.startswith('sqlite') else 'PostgreSQL'}): {reason}", err=True)
    sys.exit(UNREACHABLE)


def print_json(value: Any) -> None:
    """As one document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    """A table of `columns` (key -> title); `nothing` where there are no rows."""
    if not rows:
        click.echo(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns.values():
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*("" if row[key] is None else str(row[key]) for key in columns))
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table, markup=False)


def moment(milliseconds: int | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

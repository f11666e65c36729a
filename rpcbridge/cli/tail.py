"""`rpcbridge tail`: a line for each exchange as it is recorded, by whichever process on whichever machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.cli.database import json_option, reachable
from rpcbridge.errors import DatabaseError

_PAUSE = 0.5  # seconds between two looks
_MANY = 500  # rows of one look, after which the next one does not wait
_COLOURS = {
    "fallback": "red", "not_stored": "bold red", "dead_letter": "bold red", "postponed": "yellow", "refused": "yellow", "order_failed": "yellow",
}  # fmt: skip
_KEPT = (
    "id", "seq", "received_at", "call_id", "origin", "platform", "method", "dialect", "event", "turn", "caller", "called", "menu", "digits",
    "action", "next_menu", "failure_menu", "outcome", "reason", "attempts", "repairs", "backend_ms", "total_ms",
)  # fmt: skip


@click.command(short_help="Show exchanges as they are recorded.")
@config_option
@json_option
@click.option("--call", "call_id", default="", metavar="ID", help="Only of this call: its id, or how it begins.")
@click.option("-n", "lines", default=10, show_default=True, type=click.IntRange(0, 10_000), help="So many of the last ones first.")
def tail(file: Path | None, as_json: bool, call_id: str, lines: int) -> None:
    """Show exchanges as they are recorded, a line each: what was asked, what came of it, how long it took.

    Looks into the database that the configuration names, so it shows what all workers and machines on it record, masked as
    recorded. --json prints an object a line. Says when it missed something. Ends with Ctrl-C.
    """
    settings = checked(file).settings
    printed = _Printed(as_json=as_json)
    if not settings.debug.enabled:
        printed.remark("debug.enabled is off in this configuration: whoever runs with it records nothing")
    with _until_interrupted():
        from rpcbridge.app import followed  # here: it brings SQLAlchemy along

        with reachable(settings.database.url):
            follower, before = followed(settings)
            for row in before.last(lines, call_id) if lines else ():
                if row["seq"] <= follower.seen_to:
                    printed.row(row)
        for rows, missed in _new(follower, printed):
            for row in rows:
                if row["call_id"].startswith(call_id):
                    printed.row(row)
            if missed:
                printed.missed(missed)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how this ends, as is a reader that has seen enough (`| head`): both are well."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at the end
        sys.exit(0)


def _new(follower: Any, printed: _Printed) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """What comes, for ever; a database that is away is said once, and when it is back."""
    from sqlalchemy.exc import SQLAlchemyError

    from rpcbridge import db

    away = False
    while True:
        try:
            found = follower.poll()
        except (SQLAlchemyError, DatabaseError) as error:
            if not away:
                printed.remark(f"the database cannot be read: {db.reason(error)}; trying again")
            away = True
        else:
            if away:
                printed.remark("the database can be read again")
            away = False
            yield found
            if len(found[0]) >= _MANY:
                continue  # there is more already
        time.sleep(_PAUSE)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with 1


class _Printed:
    """Rows on standard output, remarks on standard error; with `as_json` everything that is counted as objects."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = _Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")

    def row(self, row: Mapping[str, Any]) -> None:
        if self._as_json:
            self._json({name: row[name] for name in _KEPT})
        else:
            self._console.print(line_of(row), soft_wrap=True)

    def missed(self, count: int) -> None:
        text = f"{count} exchange{'s' * (count != 1)} were not seen: dropped when they were recorded, or forgotten before they could be read"
        if self._as_json:
            self._json({"missed": count, "message": text})
        else:
            self._console.print(Text(f"… {text}", "yellow"), soft_wrap=True)

    def remark(self, text: str) -> None:
        click.echo(f"… {text}", err=True)

    def _json(self, value: Mapping[str, Any]) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)


def line_of(row: Mapping[str, Any]) -> Text:
    """One exchange on one line: what a person would ask first."""
    said = {name: _plain(value) if isinstance(value, str) else value for name, value in row.items()}
    who = f"{said['caller'] or '?'} → {said['called'] or '?'}" if said["caller"] or said["called"] else said["dialect"]
    line = Text.assemble((said["received_at"][11:23], "dim"), f"  {who}  {said['platform']}  ", (_asked(said), "cyan"))
    if said["action"]:
        line.append(f" → {said['action']} {said['next_menu']}".rstrip())
    line.append(f"  {said['total_ms']:.0f} ms", "dim")
    line.append(f"  {said['outcome']}" + (f": {said['reason']}" if said["reason"] else ""), _COLOURS.get(said["outcome"], "green"))
    if said["origin"]:
        line.append(f"  {said['origin']}", "magenta")
    shown = 20 if said["origin"] else 12  # the bridge's own ids begin alike: rb-replay-, then the time
    return line.append(f"  {said['call_id'][:shown]}", "dim") if said["call_id"] else line


def _asked(said: Mapping[str, Any]) -> str:
    """The turn, the menu and what was pressed in it; of what is no question its method."""
    if said["event"] != "action_requested":
        return said["method"] or "no known method"
    return f"turn {said['turn'] or '?'} {said['menu'] or '(start)'}" + (f" [{said['digits']}]" if said["digits"] else "")


def _plain(text: str) -> str:
    """Without what would move a terminal's cursor or change its colours: a caller's phone system wrote it."""
    return "".join(character if character.isprintable() else "?" for character in text)

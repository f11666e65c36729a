"""`rpcbridge check-config`: is the configuration usable, and what is in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from rpcbridge.cli.configuration import checked, config_option, notes
from rpcbridge.plan import Plan
from rpcbridge.settings import SECTIONS, General, Setting, settings_of


class _Row(NamedTuple):
    setting: Setting
    value: str
    source: str


@click.command("check-config", short_help="Check the configuration; show what is in force.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_config(file: Path | None, as_json: bool) -> None:
    """Check the configuration and show what is in force.

    Every fault is named with its file and line or its variable; exit code 2 then. Secrets are
    never printed.
    """
    current = checked(file, as_json=as_json)
    rows = list(_rows(current))
    if as_json:
        listed = [{"setting": row.setting.path, "value": row.value, "source": row.source} for row in rows]
        said = {"ok": True, "settings": listed, "served": list(_served(current)), "notes": notes(current)}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.setting.path, row.value, row.source, style=None if row.source != "default" else "dim")
    console = Console(width=None if sys.stdout.isatty() else 200)  # a pipe has no width to wrap at
    console.print(table)
    for line in _served(current):
        console.print(line, highlight=False, markup=False)
    for note in notes(current):
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False)
    console.print("The configuration is usable.", style="green")


def _rows(current: Plan) -> Iterator[_Row]:
    settings = current.settings
    sections: list[tuple[str, type, Any]] = [
        ("", General, settings),
        *((name, kind, attrgetter(name)(settings)) for name, kind in SECTIONS.items()),
        *((name, type(section), section) for name, section in settings.platforms.items()),
    ]
    for name, kind, section in sections:
        for setting in settings_of(kind, name):
            value = section.call_limit if setting.path == "server.max_calls" else getattr(section, setting.key)
            yield _Row(setting, _shown(setting, value), settings.sources.get(setting.path, "default"))


def _shown(setting: Setting, value: Any) -> str:
    if setting.secret and not value:
        return "not set"
    if setting.path == "backend.attempt_timeout" and value is None:
        return "the whole deadline"
    if value is None or value in ("", ()):
        return "-"
    return setting.reader.show(value)


def _served(current: Plan) -> Iterator[str]:
    """Which backend and fallback serve whom, a line each."""
    settings = current.settings
    yield f"every number: {settings.backend.url}, fallback {json.dumps(settings.fallback or {'action': 'hangup'}, ensure_ascii=False)}"
    for route in settings.routes:
        who = f"number {route.called_number}" if route.called_number else f"numbers that begin with {route.called_prefix}"
        served = route.fallback or settings.fallback or {"action": "hangup"}
        fallback = f", fallback {json.dumps(served, ensure_ascii=False)}"
        yield f"{who}: {route.url or settings.backend.url}{fallback}"
    for name, entry in settings.prompts.items():
        yield f"prompt {name}: {json.dumps(entry, ensure_ascii=False)}"

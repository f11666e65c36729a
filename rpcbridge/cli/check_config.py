"""`rpcbridge check-config`: is the configuration usable, and what is in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from rpcbridge.app import Plan
from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.settings import Backend, General, Server, Setting, settings_of


class _Row(NamedTuple):
    setting: Setting
    value: str
    source: str


@click.command("check-config")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_config(file: Path | None, as_json: bool) -> None:
    """Check the configuration and show what is in force.

    Every fault is named with its file and line or its variable; exit code 2 then. Secrets are
    never printed.
    """
    current = checked(file)
    rows = list(_rows(current))
    if as_json:
        listed = [{"setting": row.setting.path, "value": row.value, "source": row.source} for row in rows]
        click.echo(json.dumps({"ok": True, "settings": listed, "notes": _notes(current)}, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.setting.path, row.value, row.source, style=None if row.source != "default" else "dim")
    console = Console(width=None if sys.stdout.isatty() else 200)  # a pipe has no width to wrap at
    console.print(table)
    for note in _notes(current):
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False)
    console.print("The configuration is usable.", style="green")


def _rows(current: Plan) -> Iterator[_Row]:
    settings = current.settings
    sections: list[tuple[str, type, Any]] = [
        ("", General, settings),
        ("server", Server, settings.server),
        ("backend", Backend, settings.backend),
        *((name, type(section), section) for name, section in settings.platforms.items()),
    ]
    for name, kind, section in sections:
        for setting in settings_of(kind, name):
            value = section.call_limit if setting.path == "server.max_calls" else getattr(section, setting.key)
            yield _Row(setting, _shown(setting, value), settings.sources.get(setting.path, "default"))


def _shown(setting: Setting, value: Any) -> str:
    if setting.secret:
        return "set (not shown)" if value else "not set"
    if value is None or value in ("", ()):
        return "-"
    return setting.reader.show(value)


def _notes(current: Plan) -> list[str]:
    """What is usable, and still worth knowing."""
    settings = current.settings
    fallback = current.routes.default.fallback.action
    notes = [f"{len(settings.routes)} routes, {len(settings.prompts)} prompts; the fallback is {fallback}"]
    if settings.fallback is None:
        notes[0] += ", since no [fallback] is configured: a caller is hung up on when the backend fails"
    for name, section in settings.platforms.items():
        if not section.secret and not section.networks:
            notes.append(f"anybody who reaches /{name.replace('_', '-')} may post: set {name}.secret or {name}.networks")
    if not settings.backend.verify:
        notes.append("backend.verify is false: whoever answers in the backend's place is believed")
    return notes

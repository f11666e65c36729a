"""`rpcbridge deadletters`: events that were given up, to look at and to send again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.cli.database import json_option, moment, print_json, print_rows, reachable
from rpcbridge.plan import Plan


@click.group(short_help="Look at events that were given up, and send them again.")
def deadletters() -> None:
    """Look at events that were given up, and have them delivered after all."""


@deadletters.command("list")
@config_option
@json_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="The newest so many.")
def listed(file: Path | None, as_json: bool, limit: int) -> None:
    """List dead letters, the newest first."""
    plan = checked(file)
    with reachable(plan.settings.database.url):
        rows = [_shown(row) for row in _store(plan).of_status("dead", limit)]
    if as_json:
        return print_json(rows)
    columns = {"event_id": "id", "event": "event", "call_id": "call", "stored_at": "stored", "attempts": "tries", "problem": "problem"}
    print_rows(rows, columns, "No dead letters.")


@deadletters.command()
@config_option
@click.argument("id")
def show(file: Path | None, id: str) -> None:
    """Show one dead letter as JSON, with the event in it: phone numbers included."""
    plan = checked(file)
    with reachable(plan.settings.database.url):
        row = _store(plan).event(id)
    if row is None or row["status"] != "dead":
        click.echo(f"No dead letter has the id {id}." + (f" The event is {row['status']}." if row else ""), err=True)
        sys.exit(1)
    print_json(_shown(row) | {"content": row["content"]})


@deadletters.command()
@config_option
@click.argument("id", required=False)
@click.option("--all", "every", is_flag=True, help="All of them.")
def replay(file: Path | None, id: str | None, every: bool) -> None:
    """Have a dead letter delivered, with all its attempts before it."""
    if bool(id) == every:
        raise click.UsageError("name one id, or say --all")
    plan = checked(file)
    with reachable(plan.settings.database.url):
        count = _store(plan).replay(id or "")
    if id and not count:
        click.echo(f"No dead letter has the id {id}.", err=True)
        sys.exit(1)
    click.echo(f"{count} event{'s' * (count != 1)} to be delivered again")


def _store(plan: Plan) -> Any:
    from rpcbridge.app import event_store  # here: it brings SQLAlchemy along

    store = event_store(plan.settings)
    store.prepare()
    return store


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("event_id", "event", "platform", "call_id", "attempts", "problem")}
    return kept | {"stored_at": moment(row["stored_at"]), "dead_since": moment(row["settled_at"])}

"""`rpcbridge calls`: calls under way and calls that ended, what is kept of one, and how to have it forgotten."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.cli.database import json_option, moment, print_json, print_rows, reachable
from rpcbridge.plan import Plan
from rpcbridge.platforms import Kept


@click.group(short_help="List calls, show one, or have it forgotten.")
def calls() -> None:
    """List calls, show what is kept of one, or have it forgotten."""


@calls.command("list")
@config_option
@json_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="So many of either kind.")
def listed(file: Path | None, as_json: bool, limit: int) -> None:
    """List calls under way, then calls of which events are kept; of each kind the newest first."""
    plan = checked(file)
    with reachable(plan.settings.database.url):
        under_way, events, carried_on = _stores(plan)
        rows = [_under_way(row) for row in under_way.recent(limit)]
        rows += [_carried_on(plan, listed) for listed in carried_on.recent(limit)]
        rows += [_kept(row) for row in events.calls(limit)]
    if as_json:
        return print_json(rows)
    columns = {"call_id": "call", "platform": "platform", "is": "is", "turns": "questions", "events": "events", "seen_at": "last seen"}
    print_rows(rows, columns, "No calls.")


@calls.command()
@config_option
@click.argument("call_id")
def show(file: Path | None, call_id: str) -> None:
    """Show what is kept of a call as JSON: its state, its events, the ids of its exchanges."""
    plan = checked(file)
    with reachable(plan.settings.database.url):
        under_way, events, carried_on = _stores(plan)
        states = [_state(row) for platform in plan.platforms for row in under_way.of_call(platform, call_id)]
        states += [_standing(plan, listed) for platform in plan.platforms for listed in carried_on.kept_of(platform, call_id)]
        listed = [_event(row) for platform in plan.platforms for row in events.of_call(platform, call_id)]
        exchanges = [row["id"] for row in _trace(plan).of_call(call_id)]
    if not (states or listed or exchanges):
        click.echo(f"Nothing is kept of a call {call_id}.", err=True)
        sys.exit(1)
    print_json({"call_id": call_id, "under_way": states, "events": listed, "exchanges": exchanges})


@calls.command()
@config_option
@click.argument("call_id")
def purge(file: Path | None, call_id: str) -> None:
    """Forget a call: its state, its exchanges, its events that were delivered or given up."""
    plan = checked(file)
    with reachable(plan.settings.database.url):
        under_way, events, carried_on = _stores(plan)
        state = sum(store.purge(platform, call_id) for store in (under_way, carried_on) for platform in plan.platforms)
        settled = sum(events.purge(platform, call_id) for platform in plan.platforms)
        exchanges = _trace(plan).purge(call_id)
        kept = [row for platform in plan.platforms for row in events.of_call(platform, call_id)]
        waiting = [row for row in kept if row["status"] == "pending"]
    click.echo(f"forgotten: {state} under way, {settled} events, {exchanges} exchanges")
    if waiting:
        click.echo(f"kept: {len(waiting)} events that have yet to be delivered; purge again after that", err=True)
        sys.exit(1)


def _stores(plan: Plan) -> tuple[Any, Any, Any]:
    from rpcbridge.app import call_store, event_store, session_store  # here: they bring SQLAlchemy along

    under_way, events, carried_on = call_store(plan.settings), event_store(plan.settings), session_store(plan.settings)
    events.prepare()
    carried_on.prepare()
    return under_way, events, carried_on


def _trace(plan: Plan) -> Any:
    from rpcbridge.app import exchange_store

    store = exchange_store(plan.settings)
    store.prepare()
    return store


def _under_way(row: dict[str, Any]) -> dict[str, Any]:
    about = {"call_id": row["call_id"], "platform": row["platform"], "is": "under way"}
    return about | {"turns": row["turn"], "events": None, "seen_at": moment(row["seen_at"])}


def _carried_on(plan: Plan, listed: Any) -> dict[str, Any]:
    shown = _shown(plan, listed.row)
    about = {"call_id": listed.row.call_id, "platform": listed.row.platform, "is": "ended" if shown.get("status") == "ended" else "under way"}
    return about | {"turns": shown.get("turn"), "events": None, "seen_at": moment(listed.seen_at)}


def _standing(plan: Plan, listed: Any) -> dict[str, Any]:
    shown = {name: value for name, value in _shown(plan, listed.row).items() if name != "call_id"}
    about = {"platform": listed.row.platform, "questions": shown.pop("turn", None), "state": shown.pop("state", None)}
    return about | shown | {"seen_at": moment(listed.seen_at), "kept_until": moment(listed.expires_at)}


def _shown(plan: Plan, row: Any) -> dict[str, Any]:
    """How the platform shows a call that is kept, as `GET /api/calls/<id>` does: without what opens doors."""
    platform = plan.platforms.get(row.platform)
    if platform is None or platform.conversation is None:
        return {}
    return platform.conversation.shown(Kept(row.key, row.call_id, row.session_id, row.document, 0.0))


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    counts = ", ".join(f"{row[status]} {status}" for status in ("pending", "delivered", "dead") if row[status])
    about = {"call_id": row["call_id"], "platform": row["platform"], "is": "ended" if row["ended"] else "known"}
    return about | {"turns": None, "events": counts, "seen_at": moment(row["stored_at"])}


def _state(row: dict[str, Any]) -> dict[str, Any]:
    state = None if row["state"] is None else json.loads(row["state"])
    about = {"platform": row["platform"], "questions": row["turn"], "state": state}
    return about | {"started_at": moment(row["started_at"]), "seen_at": moment(row["seen_at"])}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("event_id", "event", "status", "attempts", "problem")}
    next_at = moment(row["ready_at"]) if row["status"] == "pending" else None
    return kept | {"stored_at": moment(row["stored_at"]), "settled_at": moment(row["settled_at"]), "next_attempt_at": next_at}

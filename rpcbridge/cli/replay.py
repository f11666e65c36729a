"""`rpcbridge replay`: a recorded turn or call is sent again; what came back then, and what comes back now."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.markup import escape
from ulid import ULID

from rpcbridge.cli.call import public
from rpcbridge.cli.configuration import UNREACHABLE, USAGE, checked, config_option
from rpcbridge.cli.database import reachable
from rpcbridge.codec import content_type
from rpcbridge.domain.origins import made
from rpcbridge.errors import TransportError
from rpcbridge.inspector import keys
from rpcbridge.inspector import replay as recorded
from rpcbridge.inspector.comparison import Compared, compared
from rpcbridge.plan import Plan
from rpcbridge.platforms import route
from rpcbridge.transport import HttpRequest, Transport

_PATIENCE = 10.0  # seconds for one reply, as `rpcbridge call` has it


@click.command(short_help="Send a recorded turn or call again; say what differs.")
@config_option
@click.argument("id")
@click.option("--to", "url", metavar="URL", help="Another bridge's URL for the platform [default: this configuration's own bridge]")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A field's new value, e.g. digits=2; 3.digits=2 in turn 3 of a call. May be repeated.")
@click.option("--as-masked", is_flag=True, help="Send what was masked as it was recorded, stars and all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn.")
def replay(file: Path | None, id: str, url: str | None, given: tuple[str, ...], as_masked: bool, as_json: bool) -> None:
    """Send what was recorded again: an exchange by its id, or a whole call by the call's id.

    It is a call of its own, with an id that begins with rb-replay-. Digits and menus are those of the record,
    whatever the answers are now. What was masked when it was recorded has to be given.

    \b
    rpcbridge replay 01M7XRHF946FYNHJDK3PJXCFC7 --set caller_number=0540000000 --set called_number=0730000000
    rpcbridge replay c4619f30fc17182d --set caller_number=0540000000 --set 3.digits=1234
    """
    plan = checked(file)
    values = _values(given)
    try:
        script = _script(plan, id)
        call_id = made("replay", str(ULID()), script.of)
        bodies = recorded.requests(script, values, call_id, as_masked=as_masked)
    except recorded.NotReplayable as error:
        _refuse(error)
    target = url or _own(plan, script.platform.name)
    said = _json_lines(call_id) if as_json else _lines(Console(highlight=False), id, call_id, public(target))
    try:
        results = [said(result) for result in _sent(target, script, bodies)]
    except TransportError as error:
        click.echo(f"{public(target)} cannot be reached: {error}. Is the bridge running (rpcbridge serve)?", err=True)
        sys.exit(UNREACHABLE)
    if not all(result.same for result in results):
        sys.exit(1)


def _values(given: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"{one!r} is not NAME=VALUE", param_hint="--set")
        values[name.strip()] = value
    return values


def _script(plan: Plan, id: str) -> recorded.Script:
    """What is recorded under an exchange's id or a call's. Raises NotReplayable."""
    from rpcbridge.app import exchange_store  # here: it brings SQLAlchemy along

    with reachable(plan.settings.database.url):
        store = exchange_store(plan.settings)
        store.prepare()
        return recorded.script_of(id, store.exchange, store.documents_of, plan.platforms)


def _refuse(error: recorded.NotReplayable) -> None:
    """Say why not; with what has to be given, ready to be pasted."""
    click.echo("This cannot be replayed:", err=True)
    for problem in error.problems:
        hint = f": --set {problem.path}=…" if problem.path in error.missing else ""
        click.echo(f"  {problem}{hint}", err=True)
    if error.missing:
        click.echo("Or send the stars: --as-masked", err=True)
    sys.exit(USAGE if any(problem.path for problem in error.problems) else 1)


def _own(plan: Plan, platform: str) -> str:
    """The platform's URL at the bridge that has this configuration."""
    host, _, port = plan.settings.server.bind.rpartition(":")
    section: Any = plan.settings.platforms[platform]
    user, _, password = section.credentials.partition(":")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    segment = f"/{section.secret}" if section.secret else ""
    return f"http://{login}{_EVERYWHERE.get(host, host)}:{port}/{route(platform)}{segment}"


_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104  # who listens there is also here


def _sent(url: str, script: recorded.Script, bodies: tuple[bytes, ...]) -> Iterator[Compared]:
    transport, key = Transport(), ""
    taken = {200, 204, *script.platform.statuses.values()}
    for step, recorded_body in zip(script.steps, bodies, strict=True):
        started, body = time.monotonic(), keys.renewed(recorded_body, key)
        to = f"{url.rstrip('/')}/{step.callback}" if step.callback else url
        reply = transport.send(HttpRequest(to, (("Content-Type", content_type(step.request.dialect)),), body), _PATIENCE)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        if reply.status not in taken:
            said = f"HTTP {reply.status}: {reply.body[:80].decode(errors='replace').strip()}"
            click.echo(f"{public(url)} is no bridge that takes this: {said}", err=True)
            sys.exit(1)
        key = key or keys.in_reply(script.platform.conversation, reply.body)
        yield compared(script, step, body, reply.body, milliseconds, key=key)


_Say = Callable[[Compared], Compared]


def _json_lines(call_id: str) -> _Say:
    def say(result: Compared) -> Compared:
        told = {"call_id": call_id, **asdict(result), "same": result.same}
        click.echo(json.dumps(told, ensure_ascii=False))
        return result

    return say


def _lines(console: Console, id: str, call_id: str, url: str) -> _Say:
    console.print(f"[bold]{escape(id)}[/] again, as call {call_id}, at {escape(url)}", soft_wrap=True)

    def say(result: Compared) -> Compared:
        changed = f"; changed: {escape(', '.join(result.changed))}" if result.changed else ""
        console.print(f"{result.number:>3}  [cyan]{escape(result.method)}[/]  {escape(result.asked)}{changed}", soft_wrap=True)
        if result.same:
            console.print(f"     as it was: {escape(result.then or 'nothing')}  [dim]{result.then_ms} ms then, {result.now_ms} ms now[/]", soft_wrap=True)
            return result
        word = "[bold red]elsewhere[/]" if result.elsewhere else "[bold red]differs[/]"
        told = result.unreadable or f"was: {result.then or 'nothing'}, now: {result.now or 'nothing'}"
        console.print(f"     {word}: {escape(told)}  [dim]{result.then_ms} ms then, {result.now_ms} ms now[/]", soft_wrap=True)
        for one in result.differences:
            console.print(f"       {one.name}: {one.then or 'nothing'} → {one.now or 'nothing'}", markup=False, soft_wrap=True)
        return result

    return say

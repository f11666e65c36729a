"""`rpcbridge call`: an emulated phone system places a call and says what the caller hears."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import click
from rich.console import Console
from ulid import ULID

from rpcbridge.cli.configuration import UNREACHABLE
from rpcbridge.domain.origins import made
from rpcbridge.errors import ReplyError, TransportError
from rpcbridge.pbx import MAX_TURNS, discovered
from rpcbridge.pbx.acting import WAITS
from rpcbridge.pbx.platforms import serving
from rpcbridge.pbx.scripted import OUTCOMES, PhoneSystem, Script, Turn
from rpcbridge.platforms import route
from rpcbridge.transport import Transport

_PLATFORMS = list(discovered())
_DIALECTS = list(dict.fromkeys(dialect for one in discovered().values() for dialect in one.dialects))


@click.command(short_help="Place a call as a phone system would; say what the caller hears.")
@click.option("--press", default="", metavar="KEYS", help="Keys for each prompt, e.g. 1,1234; an empty one stays silent (1,,9).")
@click.option("--did", default="0730000000", show_default=True, help="The number that is called.")
@click.option("--caller", default="0540000000", show_default=True, help="The caller's number.")
@click.option("--dialect", type=click.Choice(_DIALECTS), help="The wire form [default: the platform's own, voicenter's is xmlrpc]")
@click.option(
    "--outcome", type=click.Choice(list(OUTCOMES)), default="answer", show_default=True, help="What comes of a dialled call."
)
@click.option("--platform", type=click.Choice(_PLATFORMS), default=_PLATFORMS[0], show_default=True, help="The phone system.")
@click.option("--url", metavar="URL", help="The bridge's URL for it [default: http://127.0.0.1:8080/<platform>, PORT respected]")
@click.option("--serve-api", metavar="HOST:PORT", help="Serve the phone system's API there during the call, for what the bridge orders by it: transfers, recordings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn.")
def call(press: str, did: str, caller: str, dialect: str | None, outcome: str, platform: str, url: str | None, serve_api: str | None, as_json: bool) -> None:
    """Place a call, as the phone system would, and print what the caller hears.

    The caller presses the given keys, one item for each prompt that collects digits, and hangs up
    at the first prompt for which none is left. The end of the call is reported.

    \b
    rpcbridge call --press 1,1,1234          Hebrew, order status, order 1234
    rpcbridge call --press 2,2 --outcome busy
    rpcbridge call --press 1,,9              silent at the second prompt
    rpcbridge call --press 1,..9             hears the second prompt three times, then presses 9
    """
    emulated = discovered()[platform]
    if dialect is not None and dialect not in emulated.dialects:
        raise click.BadParameter(f"{platform} speaks {', '.join(emulated.dialects)}", param_hint="--dialect")
    script = Script(_presses(press), did, caller, dialect=dialect or emulated.dialects[0], outcome=outcome)
    if emulated.operations and serve_api is None:  # marked, so that the bridge orders nothing of its real phone system
        script = replace(script, call_id=made("phone", str(ULID())))
    target = url or f"http://127.0.0.1:{os.environ.get('PORT') or 8080}/{route(platform)}"
    console = Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")
    if not as_json:
        console.print(f"[bold]{caller or 'A withheld number'} calls {did}[/] ({script.dialect}, call {script.call_id})", soft_wrap=True)
    questions = 0
    try:
        with _system(platform, target, serve_api) as place:
            for number, turn in enumerate(place(script), 1):
                questions += turn.question
                if as_json:
                    click.echo(json.dumps(_object(number, turn), ensure_ascii=False))
                else:
                    _print(console, number, turn)
    except TransportError as error:
        _fail(f"{public(target)} cannot be reached: {error}. Is the bridge running (rpcbridge demo, rpcbridge serve)?", UNREACHABLE)
    except ReplyError as error:
        _fail(f"The phone system could not use this reply, the caller would hear nothing: {error}", 1)
    if not turn.usable:
        _fail(f"the bridge did not acknowledge {turn.method}: the backend was not told that the call is over", 1)
    if questions >= MAX_TURNS:
        _fail(f"the call was ended after {MAX_TURNS} turns: the backend sends this caller in circles", 1)


@contextmanager
def _system(platform: str, url: str, serve_api: str | None) -> Iterator[Callable[[Script], Iterator[Turn]]]:
    """What places a call, with its API served as long as it lasts."""
    if serve_api is None:
        yield PhoneSystem(discovered()[platform], url, Transport()).place
        return
    serve, (host, _, port) = serving(platform), serve_api.rpartition(":")
    if serve is None:
        raise click.BadParameter(f"{platform} has no API: it is told everything in its replies", param_hint="--serve-api")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"expected HOST:PORT, such as 127.0.0.1:8091, got {serve_api!r}", param_hint="--serve-api")
    try:
        system = serve(url, Transport(), (host, int(port)))
    except OSError as error:
        _fail(f"{serve_api} cannot be listened on: {error.strerror}", UNREACHABLE)
    with system:
        yield system.place


def _presses(press: str) -> tuple[str, ...]:
    items = tuple(item.strip() for item in press.split(",")) if press else ()
    for item in items:
        if item.lstrip(WAITS).strip("0123456789*#"):
            raise click.BadParameter(f"{item!r} is not made of 0-9, * and #", param_hint="--press")
    return items


def _print(console: Console, number: int, turn: Turn) -> None:
    action = f" → {turn.action}" if turn.action else ""
    console.print(f"{number:>3}  [cyan]{turn.method}{action}[/]  [dim]{turn.milliseconds} ms[/]", soft_wrap=True)
    for line in turn.heard:
        console.print(f"     {line}", markup=False, soft_wrap=True)


def _object(number: int, turn: Turn) -> dict[str, Any]:
    return {
        "turn": number, "method": turn.method, "sent": turn.sent, "action": turn.action, "data": turn.data,
        "heard": turn.heard, "ms": turn.milliseconds,
    }  # fmt: skip


def public(url: str) -> str:
    """The URL without what may be a secret path segment."""
    parts = urlsplit(url)
    path = "/".join(parts.path.split("/")[:2])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))


def _fail(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)

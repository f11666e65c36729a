"""`rpcbridge export`: a recorded call as a file: HAR, JSON, its ladder as SVG, or a pytest file with its cassette."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from rpcbridge import __version__
from rpcbridge.cli.configuration import USAGE, checked, config_option
from rpcbridge.cli.database import reachable
from rpcbridge.inspector.exports import FORMS, Around, Documents, File
from rpcbridge.plan import Plan


@click.command(short_help="Take a recorded call away: HAR, JSON, SVG, pytest.")
@config_option
@click.argument("call_id")
@click.option("--format", "form", type=click.Choice([*FORMS, "svg"]), required=True, help="pytest: a zip with a test file and its cassette.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Where to [default: standard output; of pytest call_<id>.zip here]")  # fmt: skip
def export(file: Path | None, call_id: str, form: str, output: Path | None) -> None:
    """Write what is recorded of a call, as it was masked then.

    \b
    rpcbridge export CALL_ID --format pytest               a test of your backend, turn by turn, without rpcbridge
    rpcbridge export CALL_ID --format har -o call.har      for a browser's network panel
    rpcbridge export CALL_ID --format json                 the exchanges as they are recorded
    rpcbridge export CALL_ID --format svg -o call.svg      the ladder, to be shown to others
    """
    plan = checked(file)
    made = _form(form)(documents, _around(plan)) if (documents := _documents(plan, call_id)) else None
    if made is None:
        why = "The backend was asked nothing in" if documents else "Nothing is recorded of"
        click.echo(f"{why} a call {call_id}.", err=True)
        sys.exit(1)
    _write(made, output if output is not None or form != "pytest" else Path(made.name))


def _form(name: str) -> Callable[[Documents, Around], File | None]:
    if name != "svg":
        return FORMS[name]
    from rpcbridge.web.debug.drawing import as_svg  # here: it brings Flask along

    return as_svg


def _documents(plan: Plan, call_id: str) -> list[dict[str, object]]:
    from rpcbridge.app import exchange_store  # here: it brings SQLAlchemy along

    with reachable(plan.settings.database.url):
        store = exchange_store(plan.settings)
        store.prepare()
        return store.documents_of(call_id)


def _around(plan: Plan) -> Around:
    fields = {name: platform.fields for name, platform in plan.platforms.items()}
    statuses = {name: platform.statuses for name, platform in plan.platforms.items()}
    return Around(f"http://{plan.settings.server.bind}", __version__, plan.secret_paths, fields, statuses)


def _write(made: File, output: Path | None) -> None:
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(made.body)
        return
    try:
        output.write_bytes(made.body)
    except OSError as error:
        click.echo(f"{output} cannot be written: {error.strerror}", err=True)
        sys.exit(USAGE)
    click.echo(f"written: {output}", err=True)

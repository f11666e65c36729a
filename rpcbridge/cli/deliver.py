"""`rpcbridge deliver`: delivery of events in a process of its own, without a server."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.cli.database import reachable


@click.command(short_help="Deliver events, without a server.")
@config_option
@click.option("--once", is_flag=True, help="Deliver what is due now, and end.")
def deliver(file: Path | None, once: bool) -> None:
    """Deliver events that wait in the database, until it is stopped.

    The bridge's own workers do so by default; with events.deliver = false only this command does.
    Any number may run, on any machine that reaches the database. Stop it with Ctrl-C or SIGTERM.
    """
    plan = checked(file)
    from rpcbridge.app import deliverer_of  # here: it brings SQLAlchemy along

    deliverer = deliverer_of(plan)
    if once:
        with reachable(plan.settings.database.url):
            delivered = 0
            while done := deliverer.run_once():
                delivered += done
        click.echo(f"{delivered} attempt{'s' * (delivered != 1)} made")
        return
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    deliverer.start()
    ending.wait()
    deliverer.close()

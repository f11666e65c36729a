"""The command line. Exit codes: 0 ok, 1 a check failed, 2 usage or configuration, 3 target unreachable."""

from __future__ import annotations

import io
import sys

import click

from rpcbridge import __version__
from rpcbridge.cli.call import call
from rpcbridge.cli.calls import calls
from rpcbridge.cli.check_config import check_config
from rpcbridge.cli.deadletters import deadletters
from rpcbridge.cli.deliver import deliver
from rpcbridge.cli.demo import demo
from rpcbridge.cli.export import export
from rpcbridge.cli.reload import reload
from rpcbridge.cli.replay import replay
from rpcbridge.cli.serve import serve
from rpcbridge.cli.tail import tail
from rpcbridge.cli.translate import translate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rpcbridge", message="%(prog)s %(version)s")
def main() -> None:
    """A sidecar between a cloud phone system and your REST backend.

    The phone system asks in XML-RPC or JSON what a caller shall hear next; rpcbridge asks your
    backend in plain REST and answers in the phone system's own words.

    \b
    Try it:        rpcbridge demo
    Configure it:  rpcbridge.toml, then  rpcbridge check-config
    Run it:        rpcbridge serve
    Test it:       rpcbridge call --press 1,1234
    Look inside:   rpcbridge translate request.xml
    Watch it:      rpcbridge tail
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Hebrew on an ASCII terminal is no reason to fail


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"rpcbridge {__version__}")


main.add_command(demo)
main.add_command(serve)
main.add_command(reload)
main.add_command(check_config)
main.add_command(call)
main.add_command(translate)
main.add_command(deliver)
main.add_command(deadletters)
main.add_command(calls)
main.add_command(export)
main.add_command(tail)
main.add_command(replay)

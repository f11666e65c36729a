"""`rpcbridge demo`: the bridge and a small example backend, with things to try."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import click
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rpcbridge.cli.configuration import UNREACHABLE, USAGE
from rpcbridge.transport import HttpRequest, Transport

_PACKAGE = Path(__file__).resolve().parent.parent
# In a clone the example stands beside the package, in an installed wheel inside it.
_EXAMPLES = (_PACKAGE.parent / "examples" / "shop.py", _PACKAGE / "examples" / "shop.py")

_SAMPLE = """<?xml version="1.0" encoding="utf-8"?>
<methodCall><methodName>GET_IVR_ACTION</methodName><params><param><value><struct>
<member><name>DID</name><value><string>0730000000</string></value></member>
<member><name>CALLER_ID</name><value><string>0540000000</string></value></member>
<member><name>CALLER_NAME</name><value><string>017W</string></value></member>
<member><name>IVR_UNIQUE_ID</name><value><string>ced4619f30fc17182d8e41ddf4d6869X</string></value></member>
<member><name>DTMF</name><value><string/></value></member>
<member><name>MENU</name><value><string>-1</string></value></member>
<member><name>PREVIOUS_MENU</name><value><string>-1</string></value></member>
</struct></value></param></params></methodCall>"""

_CONFIGURATION = """\
[server]
bind = "127.0.0.1:{port}"
[backend]
url = "http://127.0.0.1:{backend_port}"
[fallback]
action = "hangup"
prompt = "technical_problem"
[mediaservice]
domain = "customer.example"
url = "http://127.0.0.1:{api_port}/mediaservice"
private_key_file = "{folder}/mediaservice.pem"
[debug]
enabled = true
[database]
url = "sqlite:///{folder}/demo.db"
"""


@click.command(short_help="Run the bridge with an example backend.")
def demo() -> None:
    """Run the bridge with a small example backend, and print things to try.

    The bridge listens on 127.0.0.1:8080 (PORT respected), the example backend on a free port.
    Nothing outside this machine is contacted, no configuration file of yours is read, and what is recorded
    for the debug pages is gone at the end. Ctrl-C stops both.
    """
    port = _chosen_port()
    backend_port, api_port = _any_free_port(), _any_free_port()
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("RPCBRIDGE_")}
    folder = tempfile.TemporaryDirectory(prefix="rpcbridge-demo-", ignore_cleanup_errors=True)
    configuration = Path(folder.name) / "demo.toml"  # a file, so that `tail` and its like can be told of it
    configuration.write_text(_CONFIGURATION.format(port=port, backend_port=backend_port, api_port=api_port, folder=folder.name), "utf-8")
    _write_key(Path(folder.name) / "mediaservice.pem")
    environment = quiet | {"PORT": str(port), "RPCBRIDGE_CONFIG": str(configuration)}
    example = next((str(path) for path in _EXAMPLES if path.is_file()), "")
    programs: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        programs.append(subprocess.Popen([sys.executable, example, "--port", str(backend_port)]))
        programs.append(subprocess.Popen([sys.executable, "-m", "rpcbridge", "serve"], env=environment))
        _wait_until_open(backend_port, programs)
        _wait_until_open(port, programs)
        click.echo(_things_to_try(port, backend_port, api_port, configuration))
        while all(program.poll() is None for program in programs):
            time.sleep(0.2)
        click.echo("\nOne of the two programs has ended; stopping the other.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\nStopping.")
    finally:
        _stop(programs)
        folder.cleanup()


def _chosen_port() -> int:
    chosen = os.environ.get("PORT") or "8080"
    if not re.fullmatch("[0-9]{1,5}", chosen, re.ASCII) or not 0 < int(chosen) < 65_536:
        click.echo(f"PORT: expected a port number from 1 to 65535, got {chosen!r}", err=True)
        sys.exit(USAGE)
    if not _free(int(chosen)):
        click.echo(f"127.0.0.1:{chosen} is taken by another program; choose another port:", err=True)
        click.echo("  PORT=8081 make run    (or PORT=8081 rpcbridge demo)", err=True)
        sys.exit(UNREACHABLE)
    return int(chosen)


def _interrupt(*_: object) -> NoReturn:
    """SIGTERM ends the demo as Ctrl-C does, also where SIGINT is ignored (a script's `&`)."""
    raise KeyboardInterrupt


def _write_key(file: Path) -> None:
    """A key to sign with, of which no phone system knows: the emulated one asks for none."""
    key = generate_private_key(65_537, 2048)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _things_to_try(port: int, backend_port: int, api_port: int, configuration: Path) -> str:
    url = f"http://127.0.0.1:{port}/voicenter"
    script, here = Path(sys.prefix) / "bin" / "rpcbridge", Path.cwd()
    command = str(script.relative_to(here) if script.is_relative_to(here) else script)
    at = "" if port == 8080 else f" --url {url}"
    body = _SAMPLE.replace("\n", "")
    return f"""
rpcbridge listens on {url}; the example backend (examples/shop.py) on http://127.0.0.1:{backend_port}.
Paste these into another terminal. Ctrl-C here stops both.

1. The question that Voicenter asks when a call begins, in XML-RPC, and the reply of the shop's backend:

curl -s {url} --data '{body}'

   It answers, in one line:

{click.style(_answer(url, body), dim=True)}

2. A whole call, as the caller hears it: Hebrew, order status, order number 1234:

{command} call{at} --press 1,1,1234

3. English, "a person", whose line is busy:

{command} call{at} --press 2,2 --outcome busy --dialect json

   The same on another phone system, which asks for each round of a menu, and is told over its API to let the caller out of its IVR:

{command} call --platform mediaservice{at.replace("/voicenter", "/mediaservice")} --serve-api 127.0.0.1:{api_port} --press 2,2 --outcome busy

4. What happened, hop by hop, in a browser:

http://127.0.0.1:{port}/debug/

5. A phone in the browser, without any of the above:

http://127.0.0.1:{port}/debug/phone

6. The calls as they come, a line a turn; export and replay take the same -c:

{command} tail -c {configuration}

"""


def _answer(url: str, body: str) -> str:
    return Transport().send(HttpRequest(url, (), body.encode()), 5).body.decode()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _wait_until_open(port: int, programs: list[subprocess.Popen[bytes]]) -> None:
    for _ in range(150):
        if any(program.poll() is not None for program in programs):
            sys.exit(1)  # it has said why
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    click.echo(f"nothing listens on 127.0.0.1:{port} after 15 s", err=True)
    sys.exit(UNREACHABLE)


def _stop(programs: list[subprocess.Popen[bytes]]) -> None:
    for program in programs:
        if program.poll() is None:
            program.terminate()
    for program in programs:
        try:
            program.wait(12)
        except subprocess.TimeoutExpired:
            program.kill()

"""Run inside namespaces of its own: a name server that never answers, a bridge, one question. Prints what came, as JSON."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

from tests.support import bridge as bridges
from tests.support.calls import xml


def main() -> None:
    folder = Path(sys.argv[1])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.9\n")
    subprocess.run(["mount", "--bind", folder / "resolv.conf", Path("/etc/resolv.conf").resolve()], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.9", 53))
        toml = '[backend]\nurl = "http://backend.example"\ndeadline = "1s"\n'
        with bridges.running(folder, toml) as bridge:
            reply = bridge.post(xml())
            print(json.dumps([reply.status, reply.headers, reply.body.decode(), reply.seconds, bridge.last_line()]))


main()

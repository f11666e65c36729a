"""A backend whose line can be changed while it runs, and callers of it."""

from __future__ import annotations

import re
import socket
from typing import Any

from tests.support.backend import Request, reply
from tests.support.bridge import Running
from tests.support.calls import xml

Answers = dict[tuple[str | None, str], dict[str, Any]]


def line(answers: Answers) -> Any:
    """Behaves as `answers` say, by menu and digits; hangs up for what they do not know."""

    def behave(connection: socket.socket, request: Request) -> None:
        event = request.json
        found = {} if request.is_event else answers.get((event.get("menu"), event.get("digits", "")), {"action": "hangup"})
        reply(found)(connection, request)

    return behave


def placed(bridge: Running, call_id: str, presses: tuple[str, ...], called: str = "0730000000", caller: str = "0540000000") -> list[str]:
    """A call as the phone system places it, then the report of its end; the menus and actions it was led to."""
    about = {"DID": called, "CALLER_ID": caller, "IVR_UNIQUE_ID": call_id}
    menu, previous, digits, led = "-1", "-1", "", list[str]()
    for pressed in [*presses, None]:
        said = bridge.post(xml(**about, DTMF=digits, MENU=menu, PREVIOUS_MENU=previous)).body.decode()
        to, action = re.search(r"<name>MENU</name><value><string>(\w+)", said), re.search(r"<name>ACTION</name><value><string>(\w+)", said)
        assert action, said
        led.append(to[1] if to else action[1])
        if not to or pressed is None:
            break
        menu, previous, digits = to[1], menu, pressed
    bridge.post(xml("HANGUP_CALL", **about))
    return led

"""The callers hear the same, whichever phone system they are on: the same scripts, the same example backend, the same words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rpcbridge.pbx import discovered
from rpcbridge.pbx.platforms import serving
from rpcbridge.pbx.scripted import PhoneSystem, Script, Turn
from rpcbridge.platforms import route
from rpcbridge.transport import Transport
from tests.pbx.configured import CONFIGURED
from tests.support import bridge as bridges
from tests.support import shop as shops

Place = Callable[[Script], Iterator[Turn]]
ORDER = ['hears "welcome"; up to 1 digit wanted', "presses 1", 'hears "main_menu_he"; up to 1 digit wanted', "presses 1",
         'hears "order_number_he"; up to 4 digits wanted']  # fmt: skip
PERSON = ['hears "welcome"; up to 1 digit wanted', "presses 2", 'hears "main_menu_en"; up to 1 digit wanted', "presses 2",
          'hears "connecting_en"', "hears 0501234567 being dialled for at most 20 s"]  # fmt: skip
CODE = ['hears "your_code_he", then the digits 0 5 4 7', 'hears "anything_else_he"; up to 1 digit wanted']
GOODBYE = ['hears "goodbye"', "is hung up on"]
SCRIPTS: dict[str, tuple[Script, list[str]]] = {
    "an order": (Script(("1", "1", "1234")), [*ORDER, "presses 1234", *CODE, "hangs up"]),
    "too many digits": (Script(("1", "1", "123456")), [*ORDER, "presses 123456, of which the phone system takes 1234", *CODE, "hangs up"]),
    "at the third time": (Script(("1", "1", "..1234")), [*ORDER, "presses 1234 as the prompt plays the 3. time", *CODE, "hangs up"]),
    "silence": (Script(("1", "1", "")), [*ORDER, "stays silent: the prompt plays 3 times, 3 s after each", *GOODBYE]),
    "silence all along": (
        Script(("", "")),
        ['hears "welcome"; up to 1 digit wanted', "stays silent: the prompt plays 2 times, 3 s after each",
         'hears "main_menu_he"; up to 1 digit wanted', "stays silent: the prompt plays 1 time, 3 s after each", *GOODBYE],
    ),
    "the first prompt": (Script(), ['hears "welcome"; up to 1 digit wanted', "hangs up"]),
    "a person": (Script(("2", "2")), [*PERSON, "talks to 0501234567; then both hang up"]),
    "a busy person": (
        Script(("2", "2", "9"), outcome="busy"),
        [*PERSON, "the line is busy", 'hears "nobody_answers_en"; up to 1 digit wanted', "presses 9", *GOODBYE],
    ),
    "a message": (
        Script(("2", "2", "1"), outcome="noanswer"),
        [*PERSON, "nobody answers", 'hears "nobody_answers_en"; up to 1 digit wanted', "presses 1", 'hears "leave_message"',
         "is recorded for at most 120 s, and hangs up"],
    ),
}  # fmt: skip

# What one platform's wire says and another's does not, and nobody hears: the menu's name, a language, a cause, a limit of the bridge's own.
_UNHEARD = re.compile(r" \((?:menu|cause|[a-z]{2}(?:-[A-Z]{2})?\)).*?$|, for at most \d+ s(?=; then)")


@contextmanager
def calling(platform: str, folder: Path) -> Iterator[Place]:
    """A bridge with the example backend, and what places calls of a platform on it, over HTTP."""
    port = bridges.free_port()
    more = CONFIGURED.get(platform, lambda folder, port: "")(folder, port)
    with shops.running() as backend, bridges.running(folder, f'[backend]\nurl = "{backend}"\n{more}') as bridge:
        url = f"http://127.0.0.1:{bridge.port}/{route(platform)}"
        serve = serving(platform)
        if serve is None:
            yield PhoneSystem(discovered()[platform], url, Transport()).place
            return
        with serve(url, Transport(), ("127.0.0.1", port)) as system:
            yield system.place


@pytest.fixture(scope="module", params=list(discovered()))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with calling(request.param, tmp_path_factory.mktemp(request.param)) as placing:
        yield placing


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_callers_hear_the_same(place: Place, name: str):
    script, words = SCRIPTS[name]
    turns = list(place(script_anew(script)))
    assert worded(turns) == words
    assert (turns[-1].usable, turns[-1].heard[0].startswith("is acknowledged")) == (True, True)


def worded(turns: Iterable[Turn]) -> list[str]:
    """What is heard and done in a call, in words, but for the report of its end."""
    return [_UNHEARD.sub("", line) for turn in turns for line in turn.heard if "acknowledged" not in line]


def script_anew(script: Script) -> Script:
    """Another call by the same script."""
    return Script(script.presses, outcome=script.outcome)

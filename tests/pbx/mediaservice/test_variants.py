"""Whatever Mediaservice's document leaves open: the bridge gets along with every value of every switch, and its callers hear the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rpcbridge.pbx.platforms.mediaservice import Behaviour, variants
from rpcbridge.pbx.platforms.mediaservice.tenant import Tenant
from rpcbridge.transport import Transport
from tests.pbx.configured import CONFIGURED
from tests.pbx.test_same_words import GOODBYE, ORDER, PERSON, SCRIPTS, script_anew, worded
from tests.support import bridge as bridges
from tests.support import shop as shops

PLAYED = ("at the third time", "silence", "a message")


@dataclass(frozen=True)
class Place:
    """Where a bridge calls and is called."""

    callbacks: str
    api: int


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("variants"), bridges.free_port()
    toml = CONFIGURED["mediaservice"](folder, port)
    with shops.running() as backend, bridges.running(folder, f'[backend]\nurl = "{backend}"\n{toml}') as bridge:
        yield Place(f"http://127.0.0.1:{bridge.port}/mediaservice", port)


def words_of(name: str, behaviour: Behaviour) -> list[str]:
    """What a caller hears on a platform that behaves so."""
    words = SCRIPTS[name][1]
    if behaviour.answered == "never" and name == "a message":
        return [*PERSON[:-1], "is hung up on"]  # nothing tells which connection to split, so the IVR hangs up, and this one asks nothing then
    if behaviour.round_ends == "first_timeout" and name == "silence":
        return [*ORDER, "stays silent: the prompt plays 3 times, 30 s after each", *GOODBYE]
    return words


@pytest.mark.parametrize("name", variants())
def test_the_callers_hear_the_same_however_the_platform_behaves(place: Place, name: str):
    behaviour = variants()[name]
    with Tenant(place.callbacks, Transport(), behaviour=behaviour, address=("127.0.0.1", place.api)) as tenant:
        for played in PLAYED:
            assert worded(tenant.place(script_anew(SCRIPTS[played][0]))) == words_of(played, behaviour), played


def test_a_call_leaves_the_ivr_also_where_nothing_tells_its_connection(place: Place):
    behaviour = Behaviour(answered="never", hangup="event")
    with Tenant(place.callbacks, Transport(), behaviour=behaviour, address=("127.0.0.1", place.api)) as tenant:
        assert worded(tenant.place(script_anew(SCRIPTS["a busy person"][0]))) == SCRIPTS["a busy person"][1]

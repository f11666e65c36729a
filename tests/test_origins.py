"""The ids of calls that the bridge itself places."""

from __future__ import annotations

import pytest

from rpcbridge.domain.origins import made, origin_of, replayed

ULID, OTHER = "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "01KB0Q9A0H6R8S1T3V5W7X9Y2Z"


@pytest.mark.parametrize("origin", ["phone", "drill", "replay"])
def test_an_id_says_what_placed_the_call(origin: str):
    assert origin_of(made(origin, ULID)) == origin
    assert origin_of(made(origin, ULID, of=OTHER)) == origin
    assert replayed(made(origin, ULID, of=OTHER)) == OTHER
    assert replayed(made(origin, ULID)) == ""


@pytest.mark.parametrize("call_id", ["", "x", f"rb-{ULID}", f"rb-phone-{ULID[:-1]}", f"rb-other-{ULID}", f"rb-phone-{ULID} ", f"rb-replay-{ULID}-of-"])
def test_no_other_id_does(call_id: str):
    assert origin_of(call_id) == replayed(call_id) == ""

"""Sessions and CSRF tokens by a clock of the test: what a cookie is worth, when, and to which bridge. And who guesses too often."""

from __future__ import annotations

import pytest

from rpcbridge.web.debug.sessions import Sessions, is_id
from rpcbridge.web.guesses import Guesses

KEY = b"k" * 32
HOUR = 3600.0


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sessions(clock: Clock, token: str = "token", key: bytes = KEY, lasting: float = 12 * HOUR) -> Sessions:
    return Sessions(lambda: key, token, lasting, clock)


def test_a_session_is_known_to_whoever_has_the_same_key_and_token(clock: Clock):
    cookie = sessions(clock).begun()
    id = sessions(clock).id_of(cookie)
    assert is_id(id)
    assert sessions(clock).id_of(sessions(clock).begun()) != id
    assert sessions(clock, token="another").id_of(cookie) == ""
    assert sessions(clock, key=b"x" * 32).id_of(cookie) == ""


def test_a_session_ends_by_the_time_set_now_not_by_what_was_set_then(clock: Clock):
    cookie = sessions(clock).begun()
    clock.now += 12 * HOUR - 1
    assert sessions(clock).id_of(cookie)
    assert sessions(clock, lasting=11 * HOUR).id_of(cookie) == ""
    clock.now += 1
    assert sessions(clock).id_of(cookie) == ""


def test_machines_whose_clocks_differ_a_little_know_each_other_s_sessions(clock: Clock):
    cookie = sessions(clock).begun()
    clock.now -= 299
    assert sessions(clock).id_of(cookie)
    clock.now -= 2
    assert sessions(clock).id_of(cookie) == "", "it would last longer than it may"


def test_nothing_of_a_cookie_can_be_changed(clock: Clock):
    cookie = sessions(clock).begun()
    for place in range(len(cookie) - 1):  # the last character has bits that mean nothing
        other = "A" if cookie[place] != "A" else "B"
        assert sessions(clock).id_of(cookie[:place] + other + cookie[place + 1 :]) == ""
    id, begun, signature = cookie.split(".")
    for forged in ("", ".", "..", "x", id, f"{id}.{begun}", f"{id}..{signature}", f"{id}.{begun}.", "é.ü.ö", "a" * 10_000, f"{id}.{'z' * 50}.{signature}"):
        assert sessions(clock).id_of(forged) == ""


def test_a_csrf_token_belongs_to_one_id_and_is_no_session(clock: Clock):
    one, other = Sessions.new_id(), Sessions.new_id()
    token = sessions(clock).csrf(one)
    assert sessions(clock).is_csrf(one, token)
    for id, given in ((other, token), (one, ""), (one, token[:-1]), (one, token.upper()), ("", sessions(clock).csrf("")), (one, "é")):
        assert not sessions(clock).is_csrf(id, given), (id, given)
    assert not sessions(clock, token="another").is_csrf(one, token)
    assert sessions(clock).id_of(token) == ""


def test_ten_wrong_tokens_and_an_address_is_not_heard_for_a_minute(clock: Clock):
    guesses = Guesses(clock)
    for _ in range(10):
        assert guesses.pause("192.0.2.1") == 0
        guesses.wrong("192.0.2.1")
    clock.now += 20
    assert guesses.pause("192.0.2.1") == 40
    assert guesses.pause("192.0.2.2") == 0
    clock.now += 40
    assert guesses.pause("192.0.2.1") == 0
    guesses.wrong("192.0.2.1")
    assert guesses.pause("192.0.2.1") == 0, "counted anew"


def test_addresses_of_one_network_of_ipv6_are_one_sender(clock: Clock):
    guesses = Guesses(clock)
    for last in range(10):
        guesses.wrong(f"2001:db8:0:1::{last}")
    assert guesses.pause("2001:db8:0:1:ffff::1") > 0
    assert guesses.pause("2001:db8:0:2::1") == 0


def test_whoever_comes_from_everywhere_costs_little_memory(clock: Clock):
    guesses = Guesses(clock)
    for number in range(3000):
        guesses.wrong(f"10.0.{number // 256}.{number % 256}")
        guesses.wrong(f"no address {number} " + "x" * 1000)
    assert len(guesses._wrong) == 1000
    assert max(map(len, guesses._wrong)) <= 60

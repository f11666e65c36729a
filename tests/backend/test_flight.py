"""Identical questions in flight share one answer, and its failure."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rpcbridge.backend import Flights
from rpcbridge.errors import NoUsableAnswer

pytestmark = pytest.mark.alone


def test_many_that_ask_the_same_at_once_fly_once():
    flights, flown, landed = Flights(), [], threading.Event()

    def fly():
        flown.append(1)
        landed.wait(5)
        return "answer"

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(flights.share, "key", 5, fly) for _ in range(8)]
        time.sleep(0.2)
        landed.set()
        answers = [result.result() for result in results]
    assert len(flown) == 1
    assert sorted(answers) == [("answer", False)] + [("answer", True)] * 7


def test_another_key_and_a_later_question_fly_themselves():
    flights = Flights()
    assert flights.share("a", 1, lambda: 1) == (1, False)
    assert flights.share("a", 1, lambda: 2) == (2, False)
    assert flights.share("b", 1, lambda: 3) == (3, False)


def test_a_failure_is_shared_and_forgotten():
    flights, landed = Flights(), threading.Event()

    def fail():
        landed.wait(5)
        raise NoUsableAnswer("refused", "no")

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(flights.share, "key", 5, fail) for _ in range(2)]
        time.sleep(0.1)
        landed.set()
        assert {result.exception().reason for result in results} == {"refused"}
    assert flights.share("key", 1, lambda: 1) == (1, False)


def test_who_waits_for_another_waits_no_longer_than_its_own_deadline():
    flights, landed = Flights(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, "key", 5, lambda: landed.wait(5))
        time.sleep(0.1)
        started = time.monotonic()
        with pytest.raises(NoUsableAnswer) as error:
            flights.share("key", 0.2, lambda: None)
        assert time.monotonic() - started < 0.6
        landed.set()
        first.result()
    assert error.value.reason == "timeout"

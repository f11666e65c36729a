"""Recording behind the calls' backs: never slower than memory, never an error, and what is lost is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from rpcbridge.errors import DatabaseError
from rpcbridge.exchange import Exchange, Hop
from rpcbridge.redaction import Redactor
from rpcbridge.settings import Capture
from rpcbridge.trace.noting import noted
from rpcbridge.trace.record import Recorder
from rpcbridge.trace.recorder import Trace, _portions
from tests.support import bridge as bridges

Make = Callable[..., Trace]

awaited = partial(bridges.awaited, seconds=20)  # on a busy machine a process takes a while to start


def trace(url: str, beside: bool = False, **capture: Any) -> Trace:
    cores = () if beside else None
    return Trace(url, Capture(**capture), {"CALLER_ID": "number", "TARGET": "number"}, (), lambda: datetime.now(UTC), cores)


@pytest.fixture(params=[False, True], ids=["thread", "process"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Whoever records, a thread or a process of its own: it comes to the same."""
    made: list[Trace] = []

    def trace_of(url: str, **capture: Any) -> Trace:
        made.append(trace(url, request.param, **capture))
        return made[-1]

    yield trace_of
    for recording in made:
        recording.close()


def fresh(exchange: Callable[..., Exchange], number: int = 0, **changes: object) -> Exchange:
    from ulid import ULID

    return exchange(number, id=str(ULID()), received=datetime.now(UTC), **changes)


def test_what_is_observed_can_be_read(make: Make, url: str, exchange: Callable[..., Exchange]):
    recording = make(url)
    seen = fresh(exchange)
    recording.observe(seen)
    found = awaited(lambda: recording.looked_up(lambda store: store.exchange(seen.id)))
    assert found["stations"]["platform_request"]["body"] == "<member><name>CALLER_ID</name><value>********67</value></member>"
    assert recording.check() == ("debug_store", True, "ok")


def test_digits_of_a_secret_menu_are_never_stored(make: Make, url: str, exchange: Callable[..., Exchange]):
    recording = make(url, secret_menus=("main",))
    seen = fresh(exchange, hop=Hop())
    assert seen.content is not None
    seen.content = {**seen.content, "digits": "12"}
    recording.observe(seen)
    found = awaited(lambda: recording.looked_up(lambda store: store.exchange(seen.id)))
    assert found["stations"]["event"]["digits"] == "**"


def test_a_database_that_is_not_there_costs_the_record_and_says_so_once(make: Make, tmp_path: Path, exchange: Callable[..., Exchange]):
    folder = tmp_path / "later"
    with structlog.testing.capture_logs() as said:
        recording = make(f"sqlite:///{folder}/x.db")
        for number in range(3):
            recording.observe(fresh(exchange, number))
            awaited(lambda number=number: recording._lost == number + 1)
        awaited(lambda: said)
        assert [(line["event"], line["log_level"]) for line in said] == [("debug_store_failing", "error")]
        assert "unable to open database file" in said[0]["detail"]
        assert recording.check()[1] is False
        with pytest.raises(DatabaseError, match="unable to open database file"):
            recording.looked_up(lambda store: store.counts())
        folder.mkdir()
        recording.observe(fresh(exchange, 4))
        awaited(lambda: len(said) > 1)
        assert said[1]["event"] == "debug_store_works_again"
    assert recording.looked_up(lambda store: store.counts()) == (1, 3)
    assert recording.check() == ("debug_store", True, "ok")


def test_an_exchange_that_cannot_be_recorded_does_not_cost_the_others(make: Make, url: str, exchange: Callable[..., Exchange]):
    recording = make(url)
    with structlog.testing.capture_logs() as said:
        content = exchange().content or {}
        broken = [fresh(exchange, 0, repairs=[None]), fresh(exchange, 1, content={**content, "menu": []})]  # as it is noted, and as a row is made
        for seen in (*broken, fresh(exchange, 2)):
            recording.observe(seen)
        assert awaited(lambda: len(said) == 2 and recording.looked_up(lambda store: store.counts() == (1, 2)))
    assert [(line["event"], line["reference"]) for line in said] == [("internal_error", seen.id) for seen in broken]
    assert "unhashable" in said[1]["exception"]


def test_bounded_while_it_runs(url: str, exchange: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rpcbridge.trace.writer._OUTDATED_EVERY", 0.0)
    recording = trace(url, max_exchanges=100)
    for number in range(300):
        recording.observe(fresh(exchange, number))
    recording.close()
    assert recording.looked_up(lambda store: store.counts()) == (100, 0)


def test_large_ones_are_written_in_portions_and_none_is_left_out(make: Make, url: str, exchange: Callable[..., Exchange]):
    recording = make(url)
    for number in range(200):
        recording.observe(fresh(exchange, number, platform_request=b"<x>" + bytes([65 + number % 26]) * 16_000))
    assert awaited(lambda: recording.looked_up(lambda store: store.counts() == (200, 0)))
    sizes = [sum(map(len, some)) for some in _portions([b"x" * 300_000] * 10 + [b"y" * 2_000_000, b"z"])]
    assert sizes == [900_000, 900_000, 900_000, 300_000, 2_000_000, 1]
    assert list(_portions([])) == [[]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_no_encoding_hides_a_number(encoding: str, exchange: Callable[..., Exchange]):
    recorder = Recorder(Redactor(b"k" * 32, {"CALLER_ID": "number"}), ())
    for text in ("<member><name>CALLER_ID</name><value>51234</value></member>", '{"CALLER_ID": "51234"}'):
        row = recorder.row(noted(exchange(platform_request=text.encode(encoding))))
        assert b"51234" not in row["document"].replace(b"\\u0000", b"")
        assert b"*****" in row["document"]


def test_the_signing_key_is_the_store_s_and_no_number_s_pseudonym(url: str, tmp_path: Path):
    one, same, other = trace(url), trace(url), trace(f"sqlite:///{tmp_path}/another.db")
    key = one.signing_key()
    assert len(key) == 32
    assert same.signing_key() == key
    assert other.signing_key() != key
    for text in ("signing", "", "1"):
        assert key.hex()[:16] != one._writer.prepared()._redactor.pseudonym(text)
    for made in (one, same, other):
        made._writer.store.engine.dispose()


def test_whoever_wants_the_signing_key_does_not_wait_behind_another_while_the_database_is_away(tmp_path: Path):
    recording = trace(f"sqlite:///{tmp_path}/none/x.db")
    with pytest.raises(DatabaseError, match="unable to open database file"):
        recording.signing_key()
    with recording._writer._preparing, pytest.raises(DatabaseError, match="does not answer"):
        recording.signing_key()
    (tmp_path / "none").mkdir()
    assert recording.signing_key()
    with recording._writer._preparing:
        assert recording.signing_key(), "known, and nobody is asked"
    recording._writer.store.engine.dispose()

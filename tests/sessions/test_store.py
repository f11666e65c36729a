"""The tables of calls and of their timers, the same on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from rpcbridge.errors import DatabaseError
from rpcbridge.sessions import Row, Saved, Store
from tests.sessions.conftest import HOUR, World

LEASE = 15.0
ODD = [f"{'x' * 300}{end}" for end in ("", "\0", "\ud83d", "שלום", "%s", "'; DROP TABLE sessions; --")]


def written(store: Store, row: Row, **document: object) -> bool:
    return store.save([Saved(replace(row, document=document), HOUR)])[0]


def at_once(*work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_call_is_found_by_any_of_its_names_in_any_process(world: World):
    row = world.kept("s1", key="k1", call_id="c1", state={"cart": [1, "שלום", "\ud83d", "a\0b", 10**30]}, phase="ivr")
    assert (row.version, row.session_id, row.call_id) == (1, "s1", "c1")
    other = world.another()
    assert other.find("mediaservice", "s1", "") == row
    assert other.find("mediaservice", "", "k1") == row
    assert other.find("mediaservice", "unknown", "k1") == row, "the platform's id first, then ours"
    assert other.of_call("mediaservice", "c1") == row
    assert other.find("mediaservice", "k1", "s1") is None
    assert other.find("elsewhere", "s1", "k1") is None
    assert other.of_call("elsewhere", "c1") is None


def test_the_platforms_own_id_may_come_later(world: World):
    row = world.kept("", key="k1", call_id="rb-1")
    other = world.kept("", key="k2", call_id="rb-2")
    assert world.store.find("mediaservice", "", "") is None
    assert world.store.save([Saved(replace(row, session_id="s1"), HOUR)]) == [True]
    found = world.another().find("mediaservice", "s1", "")
    assert found is not None
    assert (found.key, found.session_id, found.version) == ("k1", "s1", 2)
    assert world.store.find("mediaservice", "", "k2") == other


def test_an_id_of_any_length_and_kind_stays_what_it_is(world: World):
    for number, name in enumerate(ODD):
        world.kept(name, call_id=f"{name}{number}")
    for number, name in enumerate(ODD):
        row = world.store.find("mediaservice", name, "")
        assert row is not None
        assert (row.session_id, row.call_id) == (name, f"{name}{number}")
        assert written(world.store, row, phase="ivr")
        again = world.another().find("mediaservice", name, "")
        assert again is not None
        assert (again.session_id, again.call_id, again.version, again.document) == (name, row.call_id, 2, {"phase": "ivr"})


def test_a_key_that_is_none_of_ours_finds_nothing_and_harms_nobody(world: World):
    row = world.kept("s1")
    for key in ("a\0b", "\ud83d", "x" * 41, "%s"):
        assert world.store.find("mediaservice", "", key) is None
        assert world.store.find("mediaservice", "s1", key) == row


def test_of_two_writers_one_loses_and_reads_again(world: World):
    other = world.another()
    mine = world.kept("s1")
    theirs = other.find("mediaservice", "s1", "")
    assert theirs is not None
    assert written(other, theirs, by="them")
    assert not written(world.store, mine, by="me")
    again = world.store.find("mediaservice", "s1", "")
    assert again is not None
    assert (again.document, again.version) == ({"by": "them"}, 2)
    assert written(world.store, again, by="me")


def test_who_loses_leaves_the_timers_alone(world: World):
    row = world.kept("s1", key="k1", timers={"end": 30.0})
    assert written(world.another(), row, by="them")
    assert world.store.save([Saved(row, HOUR, {"end": None, "split": 1.0})]) == [False]
    assert world.timers() == [("k1", "end", 30)]


def test_two_processes_that_keep_the_same_new_call_keep_one(world: World):
    stores = [world.another() for _ in range(4)]
    for number in range(10):
        session, won = f"s{number}", []

        def keep(store: Store, name: str, session: str = session, won: list[bool] = won) -> None:
            won.extend(store.save([Saved(world.new(session, key=f"{name}{session}"), HOUR, {f"of{name}": 9.0})]))

        at_once(*(lambda store=store, name=name: keep(store, name) for store, name in zip(stores, "abcd", strict=True)))
        assert sorted(won) == [False, False, False, True]
        found = world.store.find("mediaservice", session, "")
        assert found is not None
        assert [name for key, name, _ in world.timers() if key == found.key] == [f"of{found.key[0]}"]
    assert len(world.timers()) == 10


def test_batches_that_meet_in_several_calls_do_not_wait_for_each_other_in_a_ring(world: World):
    """Each of two processes keeps the same new calls, under keys that sort the other way round."""
    stores, sessions, trouble = [world.another(), world.another()], 20, list[Exception]()
    for turn in range(5):

        def keep(store: Store, sign: int, turn: int = turn) -> None:
            rows = [world.new(f"{turn}-{n}", key=f"{500 + sign * n:03}{turn}{'ab'[sign > 0]}") for n in range(sessions)]
            try:
                store.save([Saved(row, HOUR) for row in rows])
            except Exception as error:
                trouble.append(error)

        at_once(lambda: keep(stores[0], 1), lambda: keep(stores[1], -1))
    assert not trouble


def test_many_writers_of_one_call_lose_nothing(world: World):
    world.kept("s1", count=0)

    def add(store: Store) -> None:
        for _ in range(15):
            while True:
                row = store.find("mediaservice", "s1", "")
                assert row is not None
                if written(store, row, count=row.document["count"] + 1):
                    break

    stores = [world.another() for _ in range(4)]
    at_once(*(lambda store=store: add(store) for store in stores))
    row = world.store.find("mediaservice", "s1", "")
    assert row is not None
    assert (row.document, row.version) == ({"count": 60}, 61)


def test_a_batch_is_written_at_once_and_each_is_told_its_own(world: World):
    old = world.kept("old")
    new = [world.new(f"n{number}") for number in range(40)]
    wishes = [Saved(row, HOUR) for row in (*new[:20], old, old, *new[20:], replace(new[0], key="other"))]
    assert world.store.save(wishes) == [True] * 20 + [True, False] + [True] * 20 + [False]
    assert all(world.another().find("mediaservice", row.session_id, "") for row in new)


def test_a_timer_is_claimed_when_it_is_due_and_by_nobody_else(world: World):
    row = world.kept("s1", key="k1", timers={"split": 2.0, "end": 30.0}, phase="ivr")
    assert world.store.claim("me", 9, LEASE) == []
    world.passes(2)
    assert world.store.claim("me", 9, LEASE) == [("k1", "split", 1, row)]
    assert world.another().claim("you", 9, LEASE) == []
    world.store.settle("me", "k1", "split")
    assert world.timers() == [("k1", "end", 28)]


def test_who_claims_gets_the_call_as_it_is_by_then(world: World):
    row = world.kept("s1", timers={"end": 1.0}, phase="ivr")
    assert written(world.another(), row, phase="ended")
    world.passes(1)
    [(_, _, _, claimed)] = world.store.claim("me", 9, LEASE)
    assert (claimed.document, claimed.version) == ({"phase": "ended"}, 2)


def test_a_timer_begun_anew_takes_the_place_of_the_one_before_and_one_no_longer_needed_goes(world: World):
    row = world.kept("s1", key="k1", timers={"end": 30.0, "limit": 600.0})
    assert world.store.save([Saved(row, HOUR, {"end": 60.0, "limit": None, "none": None})]) == [True]
    assert world.timers() == [("k1", "end", 60)]


def test_a_lease_that_ends_lets_another_have_it_and_its_holder_can_no_longer_settle(world: World):
    world.kept("s1", key="k1", timers={"split": 0.0})
    assert world.store.claim("me", 9, LEASE)[0][:3] == ("k1", "split", 1)
    world.passes(LEASE - 1)
    other = world.another()
    assert other.claim("you", 9, LEASE) == []
    world.passes(1)
    assert other.claim("you", 9, LEASE)[0][:3] == ("k1", "split", 2), "who takes it over is told that he is not the first"
    world.store.settle("me", "k1", "split")
    world.store.postpone("me", "k1", "split", 99.0)
    assert world.timers() == [("k1", "split", 15)]
    other.settle("you", "k1", "split")
    assert world.timers() == []


def test_a_timer_begun_anew_while_it_is_seen_to_is_still_there(world: World):
    row = world.kept("s1", key="k1", timers={"split": 0.0})
    world.store.claim("me", 9, LEASE)
    assert world.another().save([Saved(row, HOUR, {"split": 5.0})]) == [True]
    world.store.settle("me", "k1", "split")
    world.store.postpone("me", "k1", "split", 99.0)
    assert world.timers() == [("k1", "split", 5)]
    world.passes(5)
    assert world.store.claim("me", 9, LEASE)[0][:3] == ("k1", "split", 1)


def test_what_could_not_be_done_is_due_again_later(world: World):
    world.kept("s1", key="k1", timers={"split": 0.0})
    world.store.claim("me", 9, LEASE)
    world.store.postpone("me", "k1", "split", 4.0)
    world.passes(3)
    assert world.store.claim("me", 9, LEASE) == []
    world.passes(1)
    assert world.another().claim("you", 9, LEASE)[0][:3] == ("k1", "split", 2)


def test_no_more_are_claimed_than_were_wanted_and_the_longest_due_first(world: World):
    for number in range(5):
        world.kept(f"s{number}", key=f"k{number}", timers={"end": float(5 - number)})
    world.passes(9)
    assert [key for key, *_ in world.store.claim("me", 3, LEASE)] == ["k4", "k3", "k2"]
    assert [key for key, *_ in world.store.claim("me", 3, LEASE)] == ["k1", "k0"]


def test_many_processes_never_claim_the_same(world: World):
    for number in range(60):
        world.kept(f"s{number}", timers={"split": 0.0, "limit": 0.0})
    claimed: list[tuple[str, str]] = []
    lock = threading.Lock()

    def see_to(name: str) -> None:
        store, idle = world.another(), 0
        while idle < 3:
            some = store.claim(name, 3, LEASE)
            idle = 0 if some else idle + 1
            with lock:
                claimed.extend((key, timer) for key, timer, _, _ in some)
            for key, timer, _, _ in some:
                store.settle(name, key, timer)

    at_once(*(lambda name=f"p{n}": see_to(name) for n in range(4)))
    see_to("last")
    assert len(claimed) == len(set(claimed)) == 120
    assert world.timers() == []


def test_a_timer_of_a_call_that_is_kept_no_more_is_none(world: World):
    world.kept("s1", seconds=0.0, timers={"limit": 600.0})
    world.passes(2 * 86_400)
    world.store.prune()
    assert world.store.claim("me", 9, LEASE) == []
    assert world.timers() == []


def test_timers_are_taken_out_by_how_their_names_begin(world: World):
    world.kept("s1", call_id="c1", key="k1", timers={"simulated:split": 9.0, "simulated:limit": 3.0, "end": 30.0, "simulate": 1.0})
    world.kept("s2", call_id="c2", key="k2", timers={"simulated:split": 9.0})
    assert world.store.take_timers("mediaservice", "c1", "simulated:") == ["simulated:limit", "simulated:split"]
    assert world.store.take_timers("mediaservice", "c1", "simulated:") == []
    assert world.store.take_timers("mediaservice", "nobody's", "simulated:") == []
    assert [(key, name) for key, name, _ in world.timers()] == [("k1", "simulate"), ("k2", "simulated:split"), ("k1", "end")]


def test_a_call_of_which_nothing_is_heard_is_forgotten_a_minute_after_its_time(world: World):
    row = world.kept("s1", seconds=100.0)
    world.passes(90)
    assert written(world.store, row)  # it is heard of: an hour more
    world.kept("s2", seconds=100.0)
    world.passes(159)
    world.store.prune()
    assert world.store.find("mediaservice", "s2", "") is not None
    world.passes(2)
    world.store.prune()
    assert world.store.find("mediaservice", "s2", "") is None
    assert world.store.find("mediaservice", "s1", "") is not None


def test_a_call_whose_end_has_yet_to_be_told_outlives_its_time_by_a_day(world: World):
    """All bridges were away for long: what is due is told first, however much it is."""
    world.kept("s1", seconds=100.0, timers={"expire": 100.0})
    world.passes(86_400)
    world.store.prune()
    assert world.store.claim("me", 9, LEASE)[0][1] == "expire"
    world.passes(101)
    world.store.prune()
    assert world.store.find("mediaservice", "s1", "") is None


def test_a_call_is_forgotten_with_its_timers(world: World):
    row = world.kept("s1", call_id="c1", key="k1", timers={"end": 30.0})
    world.kept("s2", call_id="c2", key="k2", timers={"end": 30.0})
    world.store.forget(row.key)
    assert (world.store.of_call("mediaservice", "c1"), [key for key, *_ in world.timers()]) == (None, ["k2"])
    assert (world.store.purge("mediaservice", "c1"), world.store.purge("elsewhere", "c2"), world.store.purge("mediaservice", "c2")) == (0, 0, 1)
    assert (world.store.recent(9), world.timers()) == ([], [])


def test_who_writes_a_call_that_was_forgotten_is_told(world: World):
    row = world.kept("s1")
    world.store.purge("mediaservice", "s1")
    assert not written(world.store, row)
    assert world.store.find("mediaservice", "s1", "") is None


def test_calls_are_listed_the_one_last_heard_of_first(world: World):
    row = world.kept("s1", call_id="c1")
    world.passes(1)
    world.kept("s2", call_id="c2")
    assert [listed.row.call_id for listed in world.store.recent(9)] == ["c2", "c1"]
    world.passes(1)
    assert written(world.store, row, phase="ivr")
    [first] = world.store.recent(1)
    assert (first.row, first.expires_at - first.seen_at) == (world.store.of_call("mediaservice", "c1"), HOUR * 1000)
    assert (world.store.kept_of("mediaservice", "c1"), world.store.kept_of("elsewhere", "c1")) == ([first], [])


def test_tables_of_a_newer_version_are_left_alone(world: World):
    with world.store.engine.begin() as connection:
        connection.execute(text("UPDATE rpcbridge_schema SET version = 9 WHERE part = 'sessions'"))
    with pytest.raises(DatabaseError, match="sessions tables have version 9"):
        world.another().prepare()


def test_a_connection_that_broke_is_made_anew(world: World):
    world.kept("s1")
    world.store.close()
    assert world.store.find("mediaservice", "s1", "") is not None


def test_who_waits_for_the_disk_and_who_does_not(world: World):
    row = world.kept("s1")
    full = {"counted": False, "answered": world.store.engine.dialect.name != "sqlite", "promised": True}
    for lasting in ("promised", "counted", "answered", "promised", "promised", "answered", "counted"):
        assert world.store.save([Saved(row, HOUR, lasting=lasting), Saved(world.new("other", key="k"), HOUR, lasting="counted")])[0]
        found = world.store.find("mediaservice", "s1", "")
        assert found is not None
        row = found
        if world.store.engine.dialect.name == "sqlite":
            assert world.store._kept.rows("PRAGMA synchronous") == [(2 if full[lasting] else 1,)]
        elif full[lasting]:
            assert world.store._kept.rows("SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn()")[0][0] < 200
        assert world.store._kept.rows("SELECT 1") == [(1,)], "no transaction is left open"
    if world.store.engine.dialect.name == "postgresql":
        assert world.store._kept.rows("SHOW synchronous_commit") == [("on",)]

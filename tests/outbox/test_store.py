"""The table of events, the same on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from rpcbridge import db
from rpcbridge.outbox import Claimed
from tests.outbox.conftest import World

LEASE = 30.0


def ids(claimed: list[Claimed]) -> list[str]:
    return [one.event_id for one in claimed]


def test_what_is_put_is_claimed_once_with_everything_in_it(world: World):
    notice = world.notice("c1", caller_number="0540000000", big=15616841651 ** 3, half="\ud83d", nul="a\0b", name="שלום")
    assert world.store.add([notice]) == [True]
    [claimed] = world.store.claim("me", 8, LEASE)
    assert claimed == Claimed(1, notice.content["event_id"], notice.content, "00-trace", 1)
    assert world.another().claim("you", 8, LEASE) == []


def test_many_are_put_in_their_order_whatever_their_number(world: World):
    notices = [world.notice(f"c{n}") for n in range(150)]
    assert world.store.add(notices) == [True] * 150
    assert ids(world.store.claim("me", 200, LEASE)) == [notice.content["event_id"] for notice in notices]


def test_a_second_report_of_the_same_is_known_in_the_same_batch_and_later(world: World):
    first, second, third = (world.notice("c1", same_as="x") for _ in range(3))
    assert world.store.add([first, second, world.notice("c1", same_as="y")]) == [True, False, True]
    [claimed] = world.store.claim("me", 1, LEASE)
    world.store.settle("me", [claimed.seq])
    assert world.another().add([third]) == [False], "also when the first is delivered"
    assert world.store.add([world.notice("c1"), world.notice("c1")]) == [True, True], "nothing tells these apart or together"


def test_a_lease_that_ends_lets_another_have_it_and_its_holder_can_no_longer_settle(world: World):
    world.store.add([world.notice()])
    [mine] = world.store.claim("me", 1, LEASE)
    world.passes(29)
    other = world.another()
    assert other.claim("you", 1, LEASE) == []
    world.store.renew("me", [mine.seq], LEASE)
    world.passes(29)
    assert other.claim("you", 1, LEASE) == []
    world.passes(2)
    [theirs] = other.claim("you", 1, LEASE)
    assert (theirs.event_id, theirs.attempt) == (mine.event_id, 2)
    world.store.settle("me", [mine.seq])
    assert world.store.event(mine.event_id)["status"] == "pending"
    other.settle("you", [theirs.seq])
    assert world.store.event(mine.event_id)["status"] == "delivered"


def test_events_of_one_call_go_one_after_the_other(world: World):
    first, second, elsewhere = world.notice("c1"), world.notice("c1"), world.notice("c2")
    world.store.add([first, second, elsewhere])
    claimed = world.store.claim("me", 8, LEASE)
    assert ids(claimed) == [first.content["event_id"], elsewhere.content["event_id"]]
    world.store.postpone("me", claimed[0].seq, 5, "timeout")
    assert world.another().claim("you", 8, LEASE) == [], "the first is to be tried again, and holds the second back"
    world.passes(6)
    [again] = world.store.claim("me", 8, LEASE)
    assert (again.event_id, again.attempt) == (first.content["event_id"], 2)
    world.store.settle("me", [again.seq])
    assert ids(world.store.claim("me", 8, LEASE)) == [second.content["event_id"]]


def test_the_same_id_on_another_platform_is_another_call(world: World):
    world.store.add([world.notice("c1"), world.notice("c1", platform="elsewhere")])
    assert len(world.store.claim("me", 8, LEASE)) == 2


def test_a_dead_letter_holds_nothing_back_and_can_be_replayed(world: World):
    first, second = world.notice("c1", caller_number="0540000000"), world.notice("c1")
    world.store.add([first, second])
    [claimed] = world.store.claim("me", 8, LEASE)
    world.store.bury("me", claimed.seq, "http_4xx: the backend answered HTTP 410")
    assert ids(world.store.claim("me", 8, LEASE)) == [second.content["event_id"]]
    [dead] = world.store.of_status("dead", 10)
    assert (dead["event_id"], dead["problem"]) == (first.content["event_id"], "http_4xx: the backend answered HTTP 410")
    assert world.store.event(dead["event_id"])["content"]["caller_number"] == "0540000000", "what is in it is kept"
    assert world.store.replay("nobody") == 0
    assert world.store.replay(dead["event_id"]) == 1
    [again] = world.store.claim("me", 8, LEASE)
    assert (again.event_id, again.attempt) == (first.content["event_id"], 1)


def test_what_was_claimed_and_not_tried_is_given_back_without_counting(world: World):
    world.store.add([world.notice()])
    [claimed] = world.store.claim("me", 1, LEASE)
    world.store.release("me", [claimed.seq])
    [again] = world.another().claim("you", 1, LEASE)
    assert again.attempt == 1


def test_the_end_of_a_call_takes_its_state_along_and_forgets_it(world: World):
    world.calls.prepare()
    key = db.key_of("voicenter", "c1")
    world.calls.begin({key: ("voicenter", "c1", 1)})
    world.calls.keep({key: '{"cart":[1,2]}'})
    ended, other = world.notice("c1", ends=True), world.notice("c2", ends=True)
    world.store.add([world.notice("c1"), ended, other])
    assert (ended.content["state"], other.content["state"]) == ({"cart": [1, 2]}, None)
    assert world.calls.of_call("voicenter", "c1") == []
    assert world.store.event(ended.content["event_id"])["content"]["state"] == {"cart": [1, 2]}


def test_a_clock_that_was_set_back_holds_nothing_up_for_long(world: World):
    world.store.add([world.notice("c1"), world.notice("c2")])
    [first, second] = world.store.claim("me", 2, LEASE)
    world.store.postpone("me", first.seq, 5, "timeout")
    world.passes(-3600)
    world.store.prune(3600, 1000, 3600)
    assert {one.event_id for one in world.another().claim("you", 8, LEASE)} == {first.event_id, second.event_id}


def test_a_clock_that_was_set_forward_loses_nothing(world: World):
    world.store.add([world.notice("c1")])
    world.passes(400 * 86_400)
    world.store.prune(3600, 1000, 3600)
    assert len(world.store.claim("me", 8, LEASE)) == 1


def test_what_is_old_or_too_much_is_forgotten_and_what_waits_never(world: World):
    world.store.add([world.notice(f"c{n}") for n in range(10)])
    claimed = world.store.claim("me", 8, LEASE)
    for one in claimed[:5]:
        world.store.settle("me", [one.seq])
        world.passes(1)
    world.store.bury("me", claimed[5].seq, "gone")
    world.store.prune(3600, 3, 7200)
    assert [len(world.store.of_status(status, 99)) for status in ("delivered", "dead", "pending")] == [3, 1, 4]
    world.passes(3601)
    assert world.store.prune(3600, 3, 7200) == 0
    assert [len(world.store.of_status(status, 99)) for status in ("delivered", "dead", "pending")] == [0, 1, 4]
    world.passes(3600)
    assert world.store.prune(3600, 3, 7200) == 1
    assert world.store.counts() == {"pending": 4, "dead": 0, "oldest": 7_206_000}


def test_calls_are_listed_with_their_events_and_forgotten_on_request(world: World):
    world.store.add([world.notice("c1"), world.notice("c2"), world.notice("c2")])
    [one, _] = world.store.claim("me", 8, LEASE)
    world.store.settle("me", [one.seq])
    listed = [(row["call_id"], row["pending"], row["delivered"], row["ended"]) for row in world.store.calls(10)]
    assert listed == [("c2", 2, 0, 1), ("c1", 0, 1, 1)]
    assert (world.store.purge("voicenter", "c1"), world.store.purge("voicenter", "c2")) == (1, 0)
    assert [row["status"] for row in world.store.of_call("voicenter", "c2")] == ["pending", "pending"]


def test_many_processes_never_claim_the_same(world: World):
    world.store.add([world.notice(f"c{n % 40}") for n in range(400)])
    claimed: list[tuple[str, str]] = []
    order: dict[str, list[int]] = {}
    lock = threading.Lock()

    def deliver(name: str) -> None:
        store = world.another()
        idle = 0
        while idle < 3:
            some = store.claim(name, 5, LEASE)
            idle = 0 if some else idle + 1
            with lock:
                for one in some:
                    claimed.append((one.event_id, name))
                    order.setdefault(one.content["call_id"], []).append(one.seq)
            store.settle(name, [one.seq for one in some])

    threads = [threading.Thread(target=deliver, args=(f"p{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver("last")
    assert len(claimed) == len({event for event, _ in claimed}) == 400
    assert all(seqs == sorted(seqs) for seqs in order.values())


def test_nothing_of_a_delivered_event_stays_on_the_disk(tmp_path: Path):
    world = World(f"sqlite:///{tmp_path / 'events.db'}")
    secrets = ["0541234567", "0731234567", "Somebody By Name"]
    padding = "x" * 6000  # so that it needs pages of its own
    notices = [
        world.notice(f"c{n}", caller_number=secrets[0], called_number=secrets[1], caller_name=secrets[2], padding=padding)
        for n in range(20)
    ]
    world.store.add(notices)
    world.store.settle("me", [one.seq for one in world.store.claim("me", 50, LEASE)])
    db.forget(world.store.engine)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "events.db-shm")
    assert not [secret for secret in (*secrets, padding[:50]) if secret.encode() in on_disk]
    assert (tmp_path / "events.db-wal").stat().st_size == 0
    world.close()


@pytest.mark.parametrize("size", [1, 5000])
def test_an_id_of_any_length_and_kind_is_kept_apart(world: World, size: int):
    odd = [f"{'x' * size}{end}" for end in ("", "\0", "\ud83d", "שלום", "%s", "'; DROP TABLE outbox; --")]
    world.store.add([world.notice(call_id) for call_id in odd])
    assert len(world.store.claim("me", 8, LEASE)) == len(odd)


def test_tables_of_a_newer_version_are_left_alone(world: World):
    from rpcbridge.errors import DatabaseError

    with world.store.engine.begin() as connection:
        connection.execute(text("UPDATE rpcbridge_schema SET version = 9 WHERE part = 'outbox'"))
    with pytest.raises(DatabaseError, match="outbox tables have version 9"):
        world.another().prepare()

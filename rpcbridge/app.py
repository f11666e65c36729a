"""The composition root: a checked configuration -> objects -> the WSGI application. The only place that builds.

Everything here is made after the fork: threads and connections do not survive one.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import structlog
from flask import Flask
from ulid import ULID

from rpcbridge import db, log
from rpcbridge.alerts import Alerts
from rpcbridge.backend import FAULTS, Breakers, Client, Faulty, Record
from rpcbridge.bridge import Bridge, Carrier
from rpcbridge.calls import Calls
from rpcbridge.calls import Store as CallStore
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.notifier import Notifier
from rpcbridge.outbox import Claimed, Deliverer, Outbox
from rpcbridge.outbox import Plan as DeliveryPlan
from rpcbridge.outbox import Store as EventStore
from rpcbridge.plan import Plan
from rpcbridge.platforms import discovered, route
from rpcbridge.platforms.operations import Operations
from rpcbridge.redaction import Sensitivity
from rpcbridge.sessions import Sessions as CallSessions
from rpcbridge.sessions import Store as SessionStore
from rpcbridge.sessions import Timers
from rpcbridge.settings import Settings
from rpcbridge.simulation import Simulation
from rpcbridge.trace.follow import Follower
from rpcbridge.trace.queries import Queries
from rpcbridge.trace.recorder import Trace
from rpcbridge.trace.store import Store as ExchangeStore
from rpcbridge.translation import Translator
from rpcbridge.transport import Tls, Transport
from rpcbridge.web import Surface, add_health, create
from rpcbridge.web.api import Api
from rpcbridge.web.debug import Debug, Sessions
from rpcbridge.web.guard import ApiGuard, DebugGuard, Guard

# Seconds for the database: of the thread that keeps calls' state, of the one that keeps calls which the bridge carries on, and of
# whoever delivers or does what is due. Callers have their own; for what is
# stored there is as much time as its phone system waits: a lock that is let go of within it costs no event.
_REMEMBERING, _CARRYING_ON, _DELIVERING = 0.5, 2.0, 5.0

_STREAMS = 4  # live lists of one process at once
_DRILLS = 2  # drills of one fault at once in one process: a slow backend holds its thread, one of the few that calls leave free

_RARELY = 6  # of the times that a deliverer tends its database: about once a minute


@dataclass(frozen=True, slots=True)
class Built:
    """One process of the bridge. `deliverer` delivers events, and `timers` does what is due in calls, once they are started."""

    app: Flask
    deliverer: Deliverer
    timers: Timers


@dataclass(frozen=True, slots=True)
class _Watching:
    """What serving and delivering have in common: who is told of each exchange, and how it stands."""

    client: Client
    around: Surroundings
    record: Record
    breakers: Breakers
    debug: Debug | None
    alerts: Alerts | None
    observe_drill: Callable[[Exchange], None]


def _never() -> bool:
    return False


def build(
    checked: Plan, draining: Callable[[], bool] = _never, ending: Callable[[], bool] = _never, beside: Iterable[int] | None = None
) -> Built:
    """One worker. `draining`: whether the bridge is about to stop; `ending`: whether this worker is, for that or to make room for another.

    `beside`: the cores of a process that records exchanges for it; without, a thread of this process does.
    """
    found = checked.settings
    watching = _watching(checked, ending, beside)
    deliverer = _deliverer(checked, watching)
    calls = Calls(_call_store(found, _REMEMBERING)) if found.backend.keep_state else None
    outbox = Outbox(_event_store(found, found.backend.deadline, durable=True), deliverer.wake)
    sessions = CallSessions(session_store(found, _CARRYING_ON))
    due: list[Timers] = []
    bridge = Bridge(
        watching.client, checked.routes, outbox, calls, watching.around,
        deadline=found.backend.deadline, max_calls=found.server.call_limit, include_raw=found.backend.include_raw,
        sessions=sessions, keep_state=found.backend.keep_state, wake=lambda seconds: due[0].wake(seconds),
    )  # fmt: skip
    assert bridge.conversations is not None
    operations = _operations(found)
    told = {name: offered.tell for name, offered in operations.items()}
    carrier = Carrier(bridge.conversations, checked.platforms, told, watching.around, include_raw=found.backend.include_raw)
    timers = Timers(session_store(found), carrier.see_to, _new_id)
    due.append(timers)
    debug = watching.debug and replace(watching.debug, phone=_simulation(checked, watching, bridge, carrier, outbox, calls, sessions))
    doors = {route(name): (platform, _guard(checked, name)) for name, platform in checked.platforms.items()}
    app = create(Surface(bridge, doors, found.server.max_body, debug, _api(found, operations, carrier)))
    checks = [watching.record.check, watching.breakers.check, outbox.check, deliverer.check, sessions.check, timers.check]
    checks += [calls.check] if calls else []
    checks += [watching.debug.trace.check] if watching.debug else []
    checks += [watching.alerts.check] if watching.alerts else []
    add_health(app, draining, checks)
    return Built(app, deliverer, timers)


def _operations(found: Settings) -> dict[str, Operations]:
    """What can be asked of each platform that takes requests, too."""
    offering: dict[str, Any] = {name: folder for name, folder in discovered().items() if hasattr(folder, "operations")}
    return {name: folder.operations(found.platforms[name]) for name, folder in offering.items()}


def _api(found: Settings, operations: Mapping[str, Operations], carrier: Carrier) -> Api:
    most = max(1, min(found.api.max_requests, found.server.threads // 4))
    guard = ApiGuard(found.api.token, found.server.trusted_proxies)
    return Api(guard, most, {route(name): offered for name, offered in operations.items()}, carrier)


def _simulation(
    checked: Plan, watching: _Watching, bridge: Bridge, carrier: Carrier, outbox: Outbox, calls: Calls | None, sessions: CallSessions
) -> Simulation:
    """Calls that the phone page places, and a bridge for each fault of its drill."""
    drills = {fault: _drill(checked, fault, watching, outbox, calls, sessions) for fault in FAULTS}
    backend = checked.settings.backend
    return Simulation(
        bridge, drills, checked.platforms, deadline=backend.deadline, breaker_failures=backend.breaker.failures,
        new_id=_new_id, clock=time.monotonic, now=time.time, orders=carrier.orders,
    )  # fmt: skip


def _drill(
    checked: Plan, fault: str, watching: _Watching, outbox: Outbox, calls: Calls | None, sessions: CallSessions
) -> Bridge:
    """A bridge whose backend fails in one way. Log and record see its exchanges; health, alerts, breakers and the outbox hear of none."""
    found = checked.settings
    never = Breakers(sys.maxsize, found.backend.breaker.interval, clock=time.monotonic)
    client = Client(found.backend, Faulty(fault, time.sleep), never, clock=time.monotonic, now=_now, sleep=time.sleep)
    return Bridge(
        client, checked.routes, outbox, calls, replace(watching.around, observe=watching.observe_drill),
        deadline=found.backend.deadline, max_calls=_DRILLS, include_raw=found.backend.include_raw, tell_rejected=False,
        sessions=sessions, keep_state=found.backend.keep_state,
    )  # fmt: skip


def deliverer_of(checked: Plan) -> Deliverer:
    """What `rpcbridge deliver` runs: delivery alone, without a server."""
    return _deliverer(checked, _watching(checked))


def event_store(found: Settings) -> EventStore:
    """The events, for a command that looks at them."""
    return _event_store(found, _DELIVERING)


def call_store(found: Settings) -> CallStore:
    """The calls under way, for a command that looks at them."""
    return _call_store(found, _DELIVERING)


def session_store(found: Settings, patience: float = _DELIVERING) -> SessionStore:
    """The calls that the bridge itself carries on."""
    return SessionStore(db.opened(found.database.url, patience=patience, durable=True, erase=True))


def exchange_store(found: Settings) -> ExchangeStore:
    """What is recorded for the debug pages, for a command that looks at it."""
    return ExchangeStore(db.opened(found.database.url, patience=_DELIVERING, erase=True))  # what it purges


def followed(found: Settings) -> tuple[Follower, Queries]:
    """What is recorded from now on, by whichever process, and what was before: for a command that shows both. Raises what its database does."""
    store = exchange_store(found)
    store.prepare()
    return Follower(store), Queries(store.engine)


def _watching(checked: Plan, ending: Callable[[], bool] = _never, beside: Iterable[int] | None = None) -> _Watching:
    log.configure(behind=True)
    found, backend = checked.settings, checked.settings.backend
    transport = Transport(
        idle_connections=backend.idle_connections, connect_timeout=backend.connect_timeout,
        tls=Tls(backend.verify, backend.ca_file), proxy=backend.proxy,
    )  # fmt: skip
    alerts = Alerts(found.alerts, found.database.url) if found.alerts.url else None
    changed = {"changed": alerts.breaker} if alerts else {}
    breakers = Breakers(backend.breaker.failures, backend.breaker.interval, clock=time.monotonic, **changed)
    client = Client(backend, transport, breakers, clock=time.monotonic, now=_now, sleep=time.sleep)
    lines, record = log.ExchangeLog(backend.deadline), Record(time.monotonic)
    debug = _debug(checked, ending, beside) if found.debug.enabled else None
    shown: list[Callable[[Exchange], None]] = [lines, *([debug.trace.observe] if debug else [])]
    around = Surroundings(
        clock=time.monotonic, now=_now, new_id=_new_id,
        observe=_all_of(*shown, record, *([alerts.observe] if alerts else [])), report_bug=lines.report_bug,
    )  # fmt: skip
    return _Watching(client, around, record, breakers, debug, alerts, _all_of(*shown))


def _deliverer(checked: Plan, watching: _Watching) -> Deliverer:
    found, events = checked.settings, checked.settings.events
    store = _event_store(found, _DELIVERING)
    tries = len(events.retry_after) + 1
    notifier = Notifier(watching.client, checked.routes, watching.around, timeout=events.attempt_timeout, tries=tries)
    plan = DeliveryPlan(events.retry_after, events.parallel, events.lease)
    return Deliverer(store, notifier, plan, _new_id(), buried=_buried(watching.alerts), tend=_tending(found, store))


def _tending(found: Settings, store: EventStore) -> Callable[[], None]:
    """What has to be seen to from time to time: what is old is forgotten, what is blanked is gone from the disk, too."""
    calls = CallStore(store.engine)
    events, times = found.events, count()

    def tend() -> None:
        forgotten = store.prune(events.max_age, events.max_delivered, events.dead_max_age)
        if forgotten:
            structlog.get_logger().warning("dead_letters_forgotten", count=forgotten)
        if next(times) % _RARELY == 0:  # the one looks at every call, the other keeps everybody from writing
            calls.prune(found.backend.state_max_age)
            db.forget(store.engine)

    return tend


def _event_store(found: Settings, patience: float, *, durable: bool = False) -> EventStore:
    engine = db.opened(found.database.url, patience=patience, durable=durable, erase=True)
    calls = CallStore(engine)
    return EventStore(engine, calls.ended if found.backend.keep_state else None, calls.prepare)


def _call_store(found: Settings, patience: float) -> CallStore:
    return CallStore(db.opened(found.database.url, patience=patience, erase=True))


def _debug(checked: Plan, ending: Callable[[], bool], beside: Iterable[int] | None) -> Debug:
    """What records exchanges and shows them."""
    found = checked.settings
    fields: Mapping[str, Sensitivity] = {
        name: kind for platform in checked.platforms.values() for name, kind in platform.sensitive.items()
    }
    headers = tuple(name for name, _ in found.backend.headers)
    trace = Trace(found.database.url, found.capture, fields, headers, _now, beside)
    guard = DebugGuard(found.debug.token, found.server.trusted_proxies)
    sessions = Sessions(trace.signing_key, found.debug.token, found.debug.session, time.time)
    translators = {
        name: Translator(platform, checked.routes, found.backend, found.server.max_body, bool(found.fallback))
        for name, platform in checked.platforms.items()
    }
    # Of the threads that calls cannot take, half: the others are for pages and for health checks.
    streams = min(_STREAMS, (found.server.threads - found.server.call_limit) // 2)
    return Debug(
        trace, guard, sessions, found.capture.reveal, found.capture.secret_menus,
        platforms=checked.platforms, secrets=checked.secret_paths, translators=translators, ending=ending, streams=streams,
    )  # fmt: skip


def _buried(alerts: Alerts | None) -> Callable[[Claimed, str], None]:
    """Who is told of a dead letter."""

    def buried(claimed: Claimed, problem: str) -> None:
        if alerts:
            alerts.dead_letter(str(claimed.content.get("event", "")), problem.partition(":")[0])

    return buried


def _all_of(*observers: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Every observer in turn; one that fails does not keep an exchange from the others."""

    def observe(seen: Exchange) -> None:
        for observer in observers:
            with suppress(Exception):
                observer(seen)

    return observe


def _new_id() -> str:
    """A ULID. Its 80 random bits are not from os.urandom, for the reason that web/tracing.py gives."""
    return str(ULID(int(time.time() * 1000).to_bytes(6, "big") + random.randbytes(10)))


def _now() -> datetime:
    return datetime.now(UTC)


def _guard(checked: Plan, name: str) -> Guard:
    section: Any = checked.settings.platforms[name]
    return Guard(
        section.secret, section.networks, checked.settings.server.trusted_proxies, section.credentials, closed=not checked.in_use(name)
    )

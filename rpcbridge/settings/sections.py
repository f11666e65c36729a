"""The settings every platform shares. Each platform's folder adds its own section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rpcbridge.settings.table import (
    action,
    age,
    authorization,
    backend_path,
    bind,
    database_url,
    delay,
    duration,
    durations,
    flag,
    headers,
    hook_url,
    names,
    networks,
    one_of,
    option,
    proxy_url,
    session,
    signing_secrets,
    size,
    text,
    token,
    url,
    whole,
)


@dataclass(frozen=True, slots=True)
class Server:
    """[server]"""

    bind: str = option(bind, "127.0.0.1:8080", "Address to listen on; the environment's PORT replaces its port")
    workers: int = option(whole(1, 64), 2, "Worker processes; also WEB_CONCURRENCY")
    threads: int = option(whole(9, 4096), 512, "Threads a worker: well above the calls expected at once")
    pin_workers: bool = option(flag, True, "Keep each worker on one core: its threads share one interpreter")
    max_calls: int | None = option(
        whole(1, 4095), None, "Calls a worker serves at once, more get the fallback; default: threads - 8"
    )
    max_body: int = option(size, 256 * 1024, "Largest request body, also after inflating")
    trusted_proxies: tuple[str, ...] = option(networks, (), "Networks whose X-Forwarded-For is believed")
    drain: float = option(delay, 0.0, "After SIGTERM: how long /readyz says 503 while calls are still taken")

    @property
    def call_limit(self) -> int:
        """`max_calls`, or its default."""
        return self.threads - 8 if self.max_calls is None else self.max_calls


@dataclass(frozen=True, slots=True)
class Breaker:
    """[backend.breaker]"""

    failures: int = option(whole(1, 1000), 5, "Failures in a row after which a backend's questions get the fallback at once")
    interval: float = option(duration, 5.0, "How often one question tries whether the backend is back")


@dataclass(frozen=True, slots=True)
class Backend:
    """[backend]"""

    url: str = option(url, "", "Your backend's base URL; required to serve")
    action_path: str = option(backend_path, "/ivr/action", "Path of questions; may hold {call_id}, {called_number}, {event}, {platform}")
    events_path: str = option(backend_path, "/ivr/events", "Path of events; may hold the same")
    encoding: str = option(one_of("json", "form", "query"), "json", "How questions are sent; query: GET, with events as form")
    deadline: float = option(duration, 4.0, "From a request's entry to its reply, everything included")
    connect_timeout: float = option(duration, 1.0, "To look up the name, connect and shake hands, per attempt")
    attempt_timeout: float | None = option(duration, None, "For one attempt; default: the whole deadline, so a time-out is final")
    idle_connections: int = option(whole(0, 4096), 64, "Idle connections a worker keeps open; it opens more while needed")
    headers: tuple[tuple[str, str], ...] = option(headers, (), "Headers sent with every request", secret=True)
    auth: str = option(authorization, "", 'Credentials: "bearer TOKEN" or "basic USER:PASSWORD"', secret=True)
    secrets: tuple[str, ...] = option(signing_secrets, (), "Every POST is signed with them (Standard Webhooks); two to replace one", secret=True)
    verify: bool = option(flag, True, "Verify the certificate of an https backend")
    ca_file: str = option(text, "", "PEM file of the authorities to trust instead of the system's")
    proxy: str = option(proxy_url, "", "HTTP proxy towards the backend; the environment's proxies are never used")
    keep_state: bool = option(flag, True, "Count a call's questions as `turn`, and keep what you return as `state`")
    state_max_age: float = option(age, 86_400.0, "Forget a call's state when nothing was heard of it for so long; its end is sooner")
    include_raw: bool = option(flag, False, "Send the platform's own fields along as `raw`")
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True)
class Database:
    """[database]"""

    url: str = option(
        database_url, "sqlite:///rpcbridge.db", "Where events, call state and exchanges are kept: sqlite:///FILE or postgresql://...",
        secret=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Events:
    """[events]: how what happened reaches the backend when nobody waits for it."""

    deliver: bool = option(flag, True, "Deliver events in the workers; false: only `rpcbridge deliver` does")
    parallel: int = option(whole(1, 256), 8, "Events delivered at once by one process")
    attempt_timeout: float = option(duration, 10.0, "For one attempt to deliver an event")
    retry_after: tuple[float, ...] = option(
        durations, (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 21_600.0, 43_200.0, 86_400.0),
        "Pauses before further attempts, a fifth shorter or longer by chance; after the last one the event is a dead letter",
    )  # fmt: skip
    lease: float = option(duration, 30.0, "Others take over an event when a process that delivers it is silent for so long")
    max_age: float = option(age, 7 * 86_400.0, "How long a delivered event is remembered, so that its duplicate is known")
    max_delivered: int = option(whole(1000, 100_000_000), 100_000, "Delivered events remembered, the newest")
    dead_max_age: float = option(age, 90 * 86_400.0, "How long a dead letter is kept")


@dataclass(frozen=True, slots=True)
class Debug:
    """[debug]"""

    enabled: bool = option(flag, False, "Record every exchange, and show them at /debug")
    token: str = option(token, "", "Asked for at /debug; without one only this very machine may look", secret=True)
    session: float = option(session, 43_200.0, "How long a browser that logged in with the token stays logged in")


@dataclass(frozen=True, slots=True)
class Api:
    """[api]"""

    token: str = option(token, "", "Asked for at /api; without one the API is closed", secret=True)
    max_requests: int = option(whole(1, 1024), 32, "API requests a worker serves at once, more are told to come again; at most a quarter of server.threads")


@dataclass(frozen=True, slots=True)
class Capture:
    """[capture]: what is recorded while debug.enabled is on."""

    max_exchanges: int = option(whole(100, 10_000_000), 20_000, "Exchanges kept, the newest")
    max_age: float = option(age, 7 * 86_400.0, "How long an exchange is kept")
    max_bytes: int = option(size, 512 * 1024**2, "What is kept of all exchanges together, the newest")
    secret_menus: tuple[str, ...] = option(names, (), "Menus whose digits are masked whatever their length, e.g. [\"pin\"]")
    reveal: bool = option(flag, False, "Record phone numbers, names and digits as they are; for tests, never for real callers")


@dataclass(frozen=True, slots=True)
class Alerts:
    """[alerts]"""

    url: str = option(hook_url, "", "Told when callers get the fallback, a backend is down or events are lost; default: nobody", secret=True)
    secrets: tuple[str, ...] = option(signing_secrets, (), "Sign alerts with these, as Standard Webhooks has it", secret=True)
    interval: float = option(duration, 300.0, "At most one message in this time about each kind of trouble")


@dataclass(frozen=True, slots=True)
class Route:
    """One [[route]]: another backend or fallback for a called number, or for all numbers with a prefix."""

    called_number: str = option(text, "", "The exact number that was called")
    called_prefix: str = option(text, "", "The beginning of the numbers that were called; the longest wins, an exact number before any")
    url: str = option(url, "", "The base URL of this route's backend; default: backend.url")
    fallback: Mapping[str, Any] | None = option(action, None, "This route's fallback; default: [fallback]")
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class General:
    """Settings outside any section."""

    strict: bool = option(flag, False, "Refuse an action of which the platform would drop a part, instead of dropping it")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configured. `platforms` holds each platform's own section by its name."""

    server: Server
    backend: Backend
    database: Database
    events: Events
    debug: Debug
    api: Api
    capture: Capture
    alerts: Alerts
    platforms: Mapping[str, Any]
    strict: bool = False
    fallback: Mapping[str, Any] | None = None
    routes: tuple[Route, ...] = ()
    prompts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file: str = ""  # the configuration file that was read, "" for none
    # Where each setting that is not a default came from: path -> "rpcbridge.toml:3" or a variable's name.
    sources: Mapping[str, str] = field(default_factory=dict)


# The sections there are beside General and the platforms' own, by their names in file and environment.
# A dot stands for a section in another: a field of that name in the other's dataclass.
SECTIONS: Mapping[str, type] = {
    "server": Server, "backend": Backend, "backend.breaker": Breaker, "database": Database, "events": Events, "debug": Debug,
    "api": Api, "capture": Capture, "alerts": Alerts,
}  # fmt: skip

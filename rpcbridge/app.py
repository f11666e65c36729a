"""The composition root: Settings -> objects -> the WSGI application. The only place that builds."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from ulid import ULID

from rpcbridge import log, settings
from rpcbridge.backend import Client, Record, Routes, Target
from rpcbridge.bridge import Bridge, Surroundings
from rpcbridge.domain.actions import AnyAction, Hangup, Prompt
from rpcbridge.errors import AnswerRejected, Problem, nearest
from rpcbridge.exchange import Exchange
from rpcbridge.platforms import Options, Platform, discovered
from rpcbridge.schemas import actions
from rpcbridge.schemas.fields import load_prompt
from rpcbridge.settings import Settings
from rpcbridge.transport import Tls, Transport
from rpcbridge.web import Surface, add_health, create
from rpcbridge.web.debug import Debug
from rpcbridge.web.guard import DebugGuard, Guard

if TYPE_CHECKING:
    from rpcbridge.alerts import Alerts


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that has been checked: every platform, and which backend and fallback serve whom."""

    settings: Settings
    platforms: Mapping[str, Platform]
    routes: Routes[AnyAction]


def configured(
    file: Path | None = None, overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ
) -> Plan:
    """The configuration of file, environment and overrides. Raises ConfigurationError with every fault."""
    if file is None and environment.get("RPCBRIDGE_CONFIG"):
        file = Path(environment["RPCBRIDGE_CONFIG"])
    sections = {name: folder.Section for name, folder in discovered().items()}
    loaded = settings.load(file, environment, overrides or {}, sections, lambda found: _planned(found)[1])
    return _planned(loaded)[0]


def _planned(found: Settings) -> tuple[Plan, list[Problem]]:
    """Everything that can be checked before serving, and every fault in it."""
    problems: list[Problem] = []
    folders = discovered()
    catalogue = _catalogue(found, list(folders), problems)
    options = Options(catalogue, found.strict)
    platforms = {name: folder.make(found.platforms[name], options) for name, folder in folders.items()}
    problems += _unplayable(catalogue, platforms, found.sources)
    if not found.backend.url:
        message = 'missing, and required: the base URL of your backend, such as "http://127.0.0.1:8090"'
        problems.append(Problem("backend.url", message))
    routes = _routes(found, platforms, problems)
    return Plan(found, platforms, routes), problems


def build(checked: Plan, draining: Callable[[], bool] = lambda: False) -> Flask:
    """The WSGI application of one process. To be called after the fork. `draining`: whether it is about to stop."""
    log.configure(behind=True)
    backend, server = checked.settings.backend, checked.settings.server
    transport = Transport(
        idle_connections=backend.idle_connections, connect_timeout=backend.connect_timeout,
        tls=Tls(backend.verify, backend.ca_file), proxy=backend.proxy,
    )  # fmt: skip
    client = Client(backend, transport, clock=time.monotonic, sleep=time.sleep)
    lines, record = log.ExchangeLog(backend.deadline), Record(time.monotonic)
    debug = _debug(checked) if checked.settings.debug.enabled else None
    alerts = _alerts(checked) if checked.settings.alerts.url else None
    around = Surroundings(
        clock=time.monotonic, now=_now, new_id=_new_id,
        observe=_all_of(lines, record, *([debug.trace.observe] if debug else []), *([alerts.observe] if alerts else [])),
        report_bug=lines.report_bug,
    )  # fmt: skip
    bridge = Bridge(
        client, checked.routes, around,
        deadline=backend.deadline, max_calls=server.call_limit, include_raw=backend.include_raw,
    )  # fmt: skip
    doors = {
        name.replace("_", "-"): (platform, _guard(checked.settings, name)) for name, platform in checked.platforms.items()
    }
    app = create(Surface(bridge, doors, server.max_body, debug))
    add_health(app, draining, [record.check, *([debug.trace.check] if debug else []), *([alerts.check] if alerts else [])])
    return app


def _debug(checked: Plan) -> Debug:
    """What records exchanges and shows them."""
    from rpcbridge.trace import Trace  # here: SQLAlchemy costs 0.2 s and 20 MB, and most commands need none of it

    found = checked.settings
    fields = {name: kind for platform in checked.platforms.values() for name, kind in platform.sensitive.items()}
    headers = tuple(name for name, _ in found.backend.headers)
    trace = Trace(found.database.url, found.capture, fields, headers, _now)
    return Debug(trace, DebugGuard(found.debug.token, behind_a_proxy=bool(found.server.trusted_proxies)), found.capture.reveal)


def _alerts(checked: Plan) -> Alerts:
    """What tells of trouble."""
    from rpcbridge.alerts import Alerts  # here, as above

    return Alerts(checked.settings.alerts, checked.settings.database.url)


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


def _guard(configured: Settings, name: str) -> Guard:
    section = configured.platforms[name]
    return Guard(section.secret, section.networks, configured.server.trusted_proxies)


def _routes(configured: Settings, platforms: Mapping[str, Platform], problems: list[Problem]) -> Routes[AnyAction]:
    url, sources = configured.backend.url, configured.sources
    default: AnyAction = actions.HANG_UP
    if configured.fallback is not None:
        default = _fallback(configured.fallback, "fallback", sources, platforms, problems)
    numbers: dict[str, Target[AnyAction]] = {}
    prefixes: list[tuple[str, Target[AnyAction]]] = []
    for index, route in enumerate(configured.routes, 1):
        fallback = default
        if route.fallback is not None:
            path = f"route {index}.fallback"
            fallback = _fallback(route.fallback, path, {path: route.source}, platforms, problems)
        target = Target(route.url or url, fallback)
        if route.called_number in numbers or route.called_prefix in dict(prefixes):
            problems.append(Problem(f"route {index}", "the number or prefix is routed twice", route.source))
        if route.called_number:
            numbers[route.called_number] = target
        else:
            prefixes.append((route.called_prefix, target))
    return Routes(Target(url, default), numbers, prefixes)


def _fallback(
    given: Mapping[str, Any],
    path: str,
    sources: Mapping[str, str],
    platforms: Mapping[str, Platform],
    problems: list[Problem],
) -> AnyAction:
    """The fallback action, tried out on every platform: a caller must be able to hear it."""
    try:
        action = actions.load(given).action
        for platform in platforms.values():
            platform.encode(platform.from_domain(action, None, "xmlrpc")[0], "xmlrpc")
    except AnswerRejected as error:
        for problem in error.problems:
            where = f"{path}.{problem.path}" if problem.path else path
            problems.append(Problem(where, problem.message, sources.get(where) or sources.get(path, "")))
        return actions.HANG_UP
    return action


def _unplayable(
    catalogue: Mapping[str, Mapping[str, Prompt]], platforms: Mapping[str, Platform], sources: Mapping[str, str]
) -> Iterator[Problem]:
    """Prompts of the catalogue that their platform cannot play."""
    for name, entry in catalogue.items():
        for platform in entry:
            path = f"prompts.{name}.{platform}"
            try:
                platforms[platform].from_domain(Hangup(prompt=Prompt(name=name)), None, "xmlrpc")
            except AnswerRejected as error:
                yield from (Problem(path, problem.message, sources.get(path, "")) for problem in error.problems)


def _catalogue(configured: Settings, platforms: list[str], problems: list[Problem]) -> dict[str, dict[str, Prompt]]:
    catalogue: dict[str, dict[str, Prompt]] = {}
    for name, entry in configured.prompts.items():
        path = f"prompts.{name}"
        if not isinstance(entry, Mapping):
            source = configured.sources.get(path, "")
            problems.append(Problem(path, f"expected a [{path}] table with one prompt per platform", source))
            continue
        for platform, prompt in entry.items():
            source = configured.sources.get(f"{path}.{platform}", "")
            if platform not in platforms:
                problems.append(Problem(f"{path}.{platform}", f"unknown platform, {nearest(platform, platforms)}", source))
                continue
            loaded, faults = load_prompt(prompt, f"{path}.{platform}")
            problems += [replace(fault, source=source) for fault in faults]
            if loaded is not None:
                catalogue.setdefault(name, {})[platform] = loaded
    return catalogue

"""The configuration, checked as a whole: every platform made, every backend and fallback known, or every fault named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rpcbridge import settings
from rpcbridge.backend import Routes, Target
from rpcbridge.domain.actions import AnyAction, Hangup, Prompt
from rpcbridge.errors import AnswerRejected, Problem, nearest
from rpcbridge.platforms import Options, Platform, discovered
from rpcbridge.schemas import actions
from rpcbridge.schemas.fields import load_prompt
from rpcbridge.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that has been checked: every platform, and which backend and fallback serve whom."""

    settings: Settings
    platforms: Mapping[str, Platform]
    routes: Routes[AnyAction]

    @property
    def carries_calls(self) -> bool:
        """Whether a phone system calls here whose calls the bridge itself carries on."""
        return any(one.conversation is not None and self.in_use(name) for name, one in self.platforms.items())

    def in_use(self, name: str) -> bool:
        """Whether the phone system of this name calls here."""
        return discovered()[name].in_use(self.settings.platforms[name])

    @property
    def secret_paths(self) -> dict[str, bool]:
        """Of each platform, whether the path that it posts to ends in a secret."""
        return {name: bool(getattr(section, "secret", "")) for name, section in self.settings.platforms.items()}


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
    problems += [
        replace(fault, source=found.sources.get(fault.path, "")) for platform in platforms.values() for fault in platform.faults()
    ]
    problems += _unplayable(catalogue, platforms, found.sources)
    if not found.backend.url:
        message = 'missing, and required: the base URL of your backend, such as "http://127.0.0.1:8090"'
        problems.append(Problem("backend.url", message))
    # One that does not call here need not be able to play what is for the others.
    calling = {name: platform for name, platform in platforms.items() if folders[name].in_use(found.platforms[name])}
    routes = _routes(found, calling, problems)
    return Plan(found, platforms, routes), problems


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
            dialect = platform.dialects[0]
            platform.encode(platform.from_domain(action, None, dialect)[0], dialect)
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
                platforms[platform].from_domain(Hangup(prompt=Prompt(name=name)), None, platforms[platform].dialects[0])
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

"""TOML file, then environment over it, then flags over that. Faults are collected, never the first one only."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rpcbridge.errors import ConfigurationError, Problem, nearest, shown
from rpcbridge.settings.sections import SECTIONS, Backend, General, Route, Server, Settings
from rpcbridge.settings.table import Setting, Unusable, settings_of

DEFAULT_FILE = "rpcbridge.toml"
_PREFIX = "RPCBRIDGE_"
_TABLES = ("fallback", "prompts", "route")  # not of the table of settings: their keys are the reader's own


def load(
    file: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, Any],
    platform_sections: Mapping[str, type],
    check: Callable[[Settings], Iterable[Problem]] = lambda _: (),
) -> Settings:
    """The settings. `file` None reads ./rpcbridge.toml if it is there; `overrides` maps paths to values.

    `check` finds what only the composition root can; a setting at fault stands at its default then.
    Raises ConfigurationError with every fault, each with its file and line or its variable.
    """
    loading = _Loading(file, environment, overrides, platform_sections)
    settings = loading.settings()
    if loading.unread:  # what a file does not say that could not be read is nobody's fault
        raise ConfigurationError(loading.problems)
    at_fault = {problem.path for problem in loading.problems}
    problems = [*loading.problems, *(problem for problem in check(settings) if problem.path not in at_fault)]
    if problems:
        raise ConfigurationError(problems)
    return settings


class _Loading:
    """One reading of the configuration: collects values by path, where each came from, and problems."""

    def __init__(
        self, file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any], platforms: Mapping[str, type]
    ) -> None:
        self._sections: dict[str, type] = {"": General, **SECTIONS, **platforms}
        self._platforms = platforms
        self._table = {s.path: s for name, section in self._sections.items() for s in settings_of(section, name)}
        self.problems: list[Problem] = []
        self.unread = False
        self._values: dict[str, Any] = {}
        self._sources: dict[str, str] = {}
        self._lines: dict[str, int] = {}
        self._file = file
        self._tables: dict[str, Any] = {}
        self._from_file(file)
        self._from_environment(environment)
        for path, value in overrides.items():
            self._give(path, value, "command line")

    def settings(self) -> Settings:
        sections = {name: self._section(name, kind) for name, kind in self._sections.items() if name and "." not in name}
        routes = tuple(self._routes(self._tables.get("route", [])))
        general = self._section("", General)
        self._check(sections["server"], sections["backend"])
        fallback, prompts = self._mapping("fallback"), self._mapping("prompts") or {}
        return Settings(
            **{name: sections[name] for name in SECTIONS if "." not in name},
            platforms={name: sections[name] for name in self._platforms},
            strict=general.strict, fallback=fallback, routes=routes, prompts=prompts, file=str(self._file or ""), sources=self._sources,
        )  # fmt: skip

    def _from_file(self, file: Path | None) -> None:
        path = file or Path(DEFAULT_FILE)
        if file is None and not path.is_file():
            return
        try:
            text = path.read_text("utf-8-sig")
            content = tomllib.loads(text)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            self.problems.append(Problem("", f"cannot be read: {reason}", str(path)))
            self.unread = True
            return
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            source = f"{path}:{line[1]}" if line else str(path)
            self.problems.append(Problem("", f"not valid TOML: {error}", source))
            self.unread = True
            return
        self._file = path
        self._lines = _lines(text)
        for name, value in content.items():
            self._file_entry(name, value)

    def _file_entry(self, path: str, value: Any) -> None:
        if path in _TABLES:
            self._tables[path] = value
            inside = {inner: self._at(inner) for inner in self._lines if inner.split(".")[0] == path}
            self._sources |= {path: self._at(path)} | inside
        elif path in self._sections and not isinstance(value, dict):
            message = f"expected a [{path}] table, got {shown(value)}"
            self.problems.append(Problem(path, message, self._at(path)))
        elif path in self._sections:
            for key, inner in value.items():
                self._file_entry(f"{path}.{key}", inner)
        else:
            self._give(path, value, self._at(path))

    def _from_environment(self, environment: Mapping[str, str]) -> None:
        for variable in sorted(environment):
            if variable.startswith(_PREFIX) and variable != "RPCBRIDGE_CONFIG":
                self._variable(variable, environment[variable])
        if environment.get("WEB_CONCURRENCY") and "RPCBRIDGE_SERVER__WORKERS" not in environment:
            self._give("server.workers", environment["WEB_CONCURRENCY"], "WEB_CONCURRENCY")
        if environment.get("PORT") and "RPCBRIDGE_SERVER__BIND" not in environment:
            host = str(self._values.get("server.bind", Server().bind)).rpartition(":")[0]
            self._give("server.bind", f"{host}:{environment['PORT']}", "PORT")

    def _variable(self, variable: str, value: str) -> None:
        path = variable.removeprefix(_PREFIX).lower().replace("__", ".")
        table, _, key = path.partition(".")
        if table == "fallback" and key:
            written = self._tables.get("fallback", {})
            self._tables["fallback"] = {**written, key: value} if isinstance(written, dict) else written
            self._sources[path] = variable
            return
        setting = self._table.get(path.removesuffix("_file"))
        if path not in self._table and path.endswith("_file") and setting is not None:
            if not setting.secret:
                self.problems.append(Problem(setting.path, "only a secret can be read from a file", variable))
                return
            try:
                value = Path(value).read_text("utf-8").strip()
            except (OSError, UnicodeError):
                self.problems.append(Problem(setting.path, "the file it names cannot be read", variable))
                return
            path = setting.path
        if path in self._table and self._table[path].secret and not value.strip():
            message = "is empty, which would leave the door open: give it a value, or leave the variable out"
            self.problems.append(Problem(path, message, variable))
            return
        self._give(path, value, variable)

    def _give(self, path: str, value: Any, source: str) -> None:
        setting = self._table.get(path)
        if setting is None:
            self.problems.append(self._unknown(path, source))
            return
        for read in self._read(setting, path, value, source):
            self._values[path] = read
            self._sources[path] = source

    def _read(self, setting: Setting, path: str, value: Any, source: str) -> tuple[Any, ...]:
        """The one value that was read, or none and a problem."""
        try:
            return (setting.reader.read(value),)
        except ValueError as error:
            got = _got(setting, value, error)
            self.problems.append(Problem(path, f"expected {setting.reader.expected}{got}", source))
            return ()

    def _unknown(self, path: str, source: str) -> Problem:
        if path and path in self._sections:
            keys = [setting.key for setting in settings_of(self._sections[path], path)]
            return Problem(path, f"a section, no setting: one of its keys must follow, {nearest('', keys)}", source)
        section = path.rpartition(".")[0]
        while section and section not in self._sections:
            section = section.rpartition(".")[0]
        if section:
            key = path.removeprefix(f"{section}.").partition(".")[0]
            known = [setting.key for setting in settings_of(self._sections[section], section)]
            return Problem(path, f"unknown key, {nearest(key, [*known, *self._inside(section)])}", source)
        known = [*(name for name in self._sections if name and "." not in name), *_TABLES, *(s.key for s in settings_of(General, ""))]
        return Problem(path, f"unknown section or key, {nearest(path.partition('.')[0], known)}", source)

    def _section(self, name: str, kind: type) -> Any:
        given = {s.key: self._values[s.path] for s in settings_of(kind, name) if s.path in self._values}
        inner = {key: self._section(f"{name}.{key}", self._sections[f"{name}.{key}"]) for key in self._inside(name)}
        return kind(**given, **inner)

    def _inside(self, section: str) -> list[str]:
        """The sections within `section`, by their own names."""
        return [path.rpartition(".")[2] for path in self._sections if "." in path and path.rpartition(".")[0] == section]

    def _routes(self, entries: Any) -> Iterator[Route]:
        if not isinstance(entries, list):
            self.problems.append(Problem("route", "expected [[route]] tables (two brackets)", self._at("route")))
            return
        for number, entry in enumerate(entries, 1):
            source = self._at(f"route#{number}")
            if isinstance(entry, dict):
                yield self._route(entry, f"route {number}", source)
            else:
                self.problems.append(Problem(f"route {number}", f"expected a table, got {shown(entry)}", source))

    def _route(self, entry: Mapping[str, Any], path: str, source: str) -> Route:
        known = {setting.key: setting for setting in settings_of(Route, "route")}
        given: dict[str, Any] = {}
        for key, value in entry.items():
            at = self._at(f"{path.replace(' ', '#')}.{key}")
            if key in known:
                for read in self._read(known[key], f"{path}.{key}", value, at):
                    given[key] = read
            else:
                self.problems.append(Problem(f"{path}.{key}", f"unknown key, {nearest(key, list(known))}", at))
        numbers = [key for key in ("called_number", "called_prefix") if key in entry]
        if all(key in given for key in numbers) and [bool(given[key]) for key in numbers] != [True]:
            self.problems.append(Problem(path, "expected exactly one of called_number, called_prefix", source))
        if "url" not in entry and "fallback" not in entry:
            self.problems.append(Problem(path, "expected url, fallback or both", source))
        return Route(**given, source=source)

    def _mapping(self, name: str) -> Any:
        value = self._tables.get(name)
        if value is not None and not isinstance(value, dict):
            self.problems.append(Problem(name, f"expected a [{name}] table, got {shown(value)}", self._at(name)))
            return None
        return value

    def _check(self, server: Server, backend: Backend) -> None:
        """What no setting alone can say."""
        at_fault = {problem.path for problem in self.problems}
        if server.call_limit >= server.threads and not at_fault & {"server.threads", "server.max_calls"}:
            message = f"{server.call_limit} leaves no thread to serve the fallback: less than server.threads ({server.threads})"
            self._problem("server.max_calls", message)
        for path, value in (("connect_timeout", backend.connect_timeout), ("attempt_timeout", backend.attempt_timeout)):
            if f"backend.{path}" in self._sources and value is not None and value > backend.deadline:
                self._problem(f"backend.{path}", f"longer than backend.deadline ({backend.deadline:g}s)")
        if backend.ca_file and not Path(backend.ca_file).is_file():
            self._problem("backend.ca_file", f"no such file: {backend.ca_file}")

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message, self._sources.get(path, "")))

    def _at(self, path: str) -> str:
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        line = self._lines.get(path)
        return f"{self._file}:{line}" if line else str(self._file or "")


def _got(setting: Setting, value: Any, error: ValueError) -> str:
    """What came instead, as far as it may be shown: no secret, no URL with credentials in it."""
    if isinstance(error, Unusable):
        return f", got {error}"
    return "" if setting.secret or "@" in str(value) else f", got {shown(value)}"


def _lines(text: str) -> dict[str, int]:
    """The line each `section.key` stands on, as far as a look at the lines tells; `route#2` is the second [[route]]."""
    lines: dict[str, int] = {}
    section, routes = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\[\s*route\s*\]\]", line):
            routes += 1
            section = f"route#{routes}"
            lines.setdefault(section, number)
        elif found := re.match(r"\s*\[\s*([\w.\-]+)\s*\]", line):
            section = found[1]
            lines.setdefault(section, number)
        elif found := re.match(r"""\s*["']?([\w\-.]+)["']?\s*=""", line):
            lines.setdefault(f"{section}.{found[1]}" if section else found[1], number)
    return lines

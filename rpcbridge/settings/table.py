"""What a setting is: a dataclass field with a reader, a default and a help line. The sections together are the table."""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from rpcbridge.errors import shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader(Generic[T]):
    """Reads a value from TOML or from an environment variable's text; raises ValueError for anything else."""

    expected: str
    read: Callable[[Any], T]
    show: Callable[[T], str] = str


class Unusable(ValueError):
    """A part of a setting's value that cannot be used, named so that it may be shown."""


def option(reader: Reader[T], default: Any, help: str, *, secret: bool = False) -> Any:
    """A setting: a field of a section's dataclass. A secret never shows in repr, tables or errors."""
    metadata = {"reader": reader, "help": help, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings."""

    path: str
    key: str
    reader: Reader[Any]
    default: Any
    help: str
    secret: bool


def settings_of(section: type, prefix: str) -> Iterator[Setting]:
    """The settings a section's dataclass declares, in its order."""
    for field in dataclasses.fields(section):
        if "reader" in field.metadata:
            path = f"{prefix}.{field.name}" if prefix else field.name
            meta = field.metadata
            yield Setting(path, field.name, meta["reader"], field.default, meta["help"], meta["secret"])


def _text(value: Any) -> str:
    if not isinstance(value, str) or any(ord(character) < 32 for character in value):
        raise ValueError
    return value.strip()


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if not isinstance(value, str) or value.strip().lower() not in words:
        raise ValueError
    return words[value.strip().lower()]


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.ASCII)
_DAY = 86_400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY}
_SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB)", re.ASCII)
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}


def _lasting(longest: float, *, or_none: bool = False) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        found = _DURATION.fullmatch(_text(value))
        if not found or (seconds := float(found[1]) * _SECONDS[found[2]]) > longest or not (seconds or or_none):
            raise ValueError
        return seconds

    return read


def _durations(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise ValueError
    for item in value:
        try:
            _lasting(_DAY)(item)
        except ValueError:
            raise Unusable(shown(item)) from None
    return tuple(_lasting(_DAY)(item) for item in value)


def _size(value: Any) -> int:
    found = _SIZE.fullmatch(_text(value))
    if not found or not int(found[1]):
        raise ValueError
    return int(found[1]) * _BYTES[found[2]]


def _url(value: Any) -> str:
    url = _text(value).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError
    if parts.query or parts.fragment or not re.fullmatch(r"[!-\[\]-~]+", url) or parts.port == 0:
        raise ValueError
    return url


def _hook(value: Any) -> str:
    """A URL that may carry a query, as the hooks of chat systems do: whoever knows it may post there."""
    url = _text(value)
    if url:
        _url(url.partition("?")[0])
    if not re.fullmatch(r"[!-\[\]-~]*", url) or "#" in url:
        raise ValueError
    return url


def _path(value: Any) -> str:
    path = _text(value)
    if not re.fullmatch(r"/(?!/)[!-~]*", path) or "#" in path:
        raise ValueError
    names = re.findall(r"\{([^{}]*)\}", path)
    if set(names) - PLACEHOLDERS or re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", path)):
        raise ValueError
    return path


PLACEHOLDERS = {"call_id", "called_number", "event", "platform"}


def _network(value: Any) -> str:
    return str(ipaddress.ip_network(_text(value), strict=False))


def _networks(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    for item in value:
        try:
            _network(item)
        except ValueError:
            raise Unusable(shown(item)) from None
    return tuple(_network(item) for item in value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError
    return tuple(item.strip() for item in value)


def _database(value: Any) -> str:
    url = _text(value)
    if not re.fullmatch(r"sqlite:///[^?#]+|postgres(ql)?(\+psycopg)?://[!-~]*", url) or url.endswith((":memory:", "/")):
        raise ValueError
    return url


def _token(value: Any) -> str:
    given = _text(value)
    if given and not re.fullmatch(r"[!-~]{16,128}", given):
        raise ValueError
    return given


def _bind(value: Any) -> str:
    host, _, port = _text(value).rpartition(":")
    name = re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", host)
    if not name or not re.fullmatch("[0-9]{1,5}", port, re.ASCII) or int(port) > 65_535:
        raise ValueError
    return f"{host}:{int(port)}"


def _segment(value: Any) -> str:
    segment = _text(value)
    if segment and not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", segment):
        raise ValueError
    return segment


def _auth(value: Any) -> str:
    auth = _text(value)
    if auth and not re.fullmatch(r"basic [!-9;-~]+:[!-~]+|bearer [!-~]+", auth):
        raise ValueError
    return auth


def _user_and_password(value: Any) -> str:
    given = _text(value)
    if given and not re.fullmatch(r"[!-9;-~]+:[!-~]{12,128}", given):
        raise ValueError
    return given


_RESERVED = re.compile(
    r"content-|transfer-encoding|connection$|idempotency-key|rpcbridge-|webhook-|traceparent|authorization$"
    r"|user-agent$|accept$|te$|expect$|upgrade$"
)


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError
    for name, content in value.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or _RESERVED.match(name.lower()):
            raise Unusable(f"the header {shown(name)}")
        if not isinstance(content, str) or not re.fullmatch(r"[\t\x20-\x7e]*", content):
            raise Unusable(f"a value of the header {shown(name)} that is no ASCII text")
    return tuple(value.items())


def _signing_secrets(value: Any) -> tuple[str, ...]:
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(secret, str) for secret in listed):
        raise ValueError
    for secret in listed:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise Unusable("one that is no base64") from None
        if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
            raise Unusable("one without whsec_" if 24 <= len(key) <= 64 else f"one of {len(key)} bytes")
    return tuple(listed)


def _urls(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    for item in value:
        try:
            _url(item)
        except ValueError:
            raise Unusable(shown(item)) from None
    return tuple(_url(item) for item in value)


def _host(value: Any) -> str:
    host = _text(value)
    if host and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", host):
        raise ValueError
    return host


def _header(value: Any) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name := _text(value)):
        raise ValueError
    return name


_OWN_CLAIMS = ("exp", "iat")


def _claims(value: Any) -> tuple[tuple[str, Any], ...]:
    if not isinstance(value, dict):
        raise ValueError
    for name, content in value.items():
        if name in _OWN_CLAIMS:
            raise Unusable(f"the claim {shown(name)}")
        try:
            json.dumps(content, allow_nan=False)
        except (TypeError, ValueError):  # TOML has dates, and numbers that JSON has not
            raise Unusable(f"a value of the claim {shown(name)} that no JSON holds") from None
    return tuple(value.items())


def _hidden(_: Any) -> str:
    return "set (not shown)"


text = Reader("a text", _text)
flag = Reader("true or false", _flag, lambda value: str(value).lower())
duration = Reader('a duration such as "4s" or "800ms"', _lasting(_DAY), lambda seconds: f"{seconds:g}s")
durations = Reader(
    'a list of durations such as ["5s", "10m", "24h"], in the file', _durations,
    lambda every: ", ".join(f"{seconds:g}s" for seconds in every),
)  # fmt: skip
delay = Reader('a duration such as "10s", or "0s" for none', _lasting(_DAY, or_none=True), lambda seconds: f"{seconds:g}s")
session = Reader('a duration such as "12h", of at most 30 days', _lasting(30 * _DAY), lambda seconds: f"{seconds / 3600:g}h")
age = Reader('a duration such as "24h" or "7d"', _lasting(3660 * _DAY), lambda seconds: f"{seconds / 3600:g}h")
database_url = Reader(
    'a database such as "sqlite:///rpcbridge.db" or "postgresql://USER:PASSWORD@HOST/NAME"', _database,
    lambda url: re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url).partition("?")[0],
)  # fmt: skip
token = Reader("16 to 128 printable ASCII characters without blanks (such as `openssl rand -hex 16` gives)", _token, _hidden)
names = Reader('a list of names such as ["pin", "card"], in the file', _names, ", ".join)
size = Reader('a size such as "256KiB" or "1MiB"', _size, lambda count: f"{count // 1024}KiB" if count % 1024 == 0 else f"{count}B")
url = Reader('an http or https URL such as "http://127.0.0.1:8090", without credentials, query or fragment', _url)
url_or_none = Reader('an http or https URL, without credentials, query or fragment, or ""', lambda value: _url(value) if value != "" else "")
urls = Reader('a list of http or https URLs such as ["https://site-a.example/mediaservice"], in the file', _urls, ", ".join)
host = Reader('a host name such as "customer.example.com"', _host)
header_name = Reader('a header\'s name such as "Authorization"', _header)
claims = Reader(
    'a table of claims in the file such as { iss = "acme" }, none of those rpcbridge sets itself (exp, iat)', _claims,
    lambda pairs: ", ".join(name for name, _ in pairs),
)  # fmt: skip
proxy_url = Reader('a proxy\'s URL such as "http://proxy.example:3128", or ""', lambda value: _url(value) if value != "" else "")
hook_url = Reader(
    'an http or https URL such as "https://hooks.example.com/services/T0/B0/x", without credentials or fragment, or ""',
    _hook, lambda url: re.sub(r"(://[^/?]*).*", r"\1/***", url),
)  # fmt: skip
backend_path = Reader(
    f'a path such as "/ivr/action" in ASCII; placeholders: {", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))}',
    _path,
)
networks = Reader('a list of networks such as ["192.0.2.0/24"], in the file', _networks, ", ".join)
bind = Reader('an address such as "127.0.0.1:8080"', _bind)
secret_segment = Reader("16 to 128 letters, digits, - or _ (such as `openssl rand -hex 16` gives)", _segment, _hidden)
authorization = Reader('"bearer TOKEN" or "basic USER:PASSWORD", in printable ASCII', _auth, _hidden)
credentials = Reader('"USER:PASSWORD" in printable ASCII without blanks, the password of 12 to 128', _user_and_password, _hidden)
signing_secrets = Reader(
    "a list of whsec_ and the base64 of 24 to 64 bytes (such as `echo whsec_$(openssl rand -base64 32)` gives), "
    "in a variable separated by blanks",
    _signing_secrets, _hidden,
)  # fmt: skip
headers = Reader(
    "a table of header = text in the file, none of those rpcbridge sets itself (use backend.auth for Authorization)",
    _headers,
    _hidden,
)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _layers(value: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    for layer, given in _table(value).items():
        if not re.fullmatch("[0-9]{1,9}", layer, re.ASCII) or not isinstance(given, dict):
            raise Unusable(f"the layer {shown(layer)}")
    return tuple(value.items())


layers = Reader(
    'a table of actions by the layer\'s number, such as { "3" = { action = "hangup" } }, in the file', _layers,
    lambda given: ", ".join(layer for layer, _ in given),
)  # fmt: skip
action = Reader('an action such as { action = "hangup" }', _table)


def one_of(*words: str) -> Reader[str]:
    """One of a few words."""

    def read(value: Any) -> str:
        if _text(value) not in words:
            raise ValueError
        return _text(value)

    return Reader(f"one of {', '.join(words)}", read)


def whole(low: int, high: int) -> Reader[int]:
    """A whole number in a range."""

    def read(value: Any) -> int:
        number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII) else value
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            raise ValueError
        return number

    return Reader(f"a whole number from {low} to {high}", read)

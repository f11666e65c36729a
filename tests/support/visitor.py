"""Whoever looks at the inspector: a browser with its cookies, and the configuration of a bridge that asks for a token."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.support import bridge as bridges
from tests.support.bridge import Reply

TOKEN = "a-token-of-20-letters"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CSRF = re.compile(r'name="csrf(?:_|-)token" (?:value|content)="([0-9a-f]{64})"')


def config(database: str, *, token: str = TOKEN, more: str = "") -> str:
    asked = f'token = "{token}"' if token else ""
    return f'''[backend]
url = "http://127.0.0.1:9"
[database]
url = "{database}"
[debug]
enabled = true
{asked}
{more}
'''


@dataclass
class Browser:
    """As much of a browser as matters here: it keeps cookies, and says which site asks."""

    bridge: bridges.Running
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Reply:
        return self._sent("GET", path, b"", HTML | headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Reply:
        return self._sent("POST", path, urlencode(fields).encode(), HTML | FORM | headers)

    def _sent(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        got = self.bridge.post(body, path, method, **cookies, **headers)
        for name, morsel in SimpleCookie(got.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        return got

    def csrf(self, path: str = "/debug/login") -> str:
        """The token of a page."""
        found = CSRF.search(self.get(path).body.decode())
        assert found
        return found[1]

    def log_in(self, token: str = TOKEN, next: str = "", **headers: str) -> Reply:
        return self.post("/debug/login", {"csrf_token": self.csrf(), "token": token, "next": next}, **headers)

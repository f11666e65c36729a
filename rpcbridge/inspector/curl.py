"""An exchange's two hops as curl commands, each to be pasted into sh or bash at once.

What is in a payload was sent by strangers: nothing of it may reach the shell, curl's own `@file`, or the
terminal that it is pasted into (there a control character is a key that is pressed).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote as percent_encoded

from rpcbridge.codec import REST, content_type
from rpcbridge.inspector.documents import is_cut
from rpcbridge.platforms import route

# What curl writes itself, and what holds for one sending alone.
_LEFT_OUT = {
    "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    "webhook-signature", "webhook-timestamp",
}  # fmt: skip
_SIGNED = {"webhook-signature"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name, which never begins with curl's `@`
_HIDDEN = "***"


def to_bridge(
    document: Mapping[str, Any], bridge_url: str, *, secret: bool = False, fields: Mapping[str, str] | None = None
) -> str | None:
    """What the phone system sent; None where it sent nothing, as in a delivery.

    bridge_url: scheme, host and port. secret: whether the path ends in one, which is never shown. fields: the
    platform's names of the event's fields, by the contract's.
    """
    sent = document["stations"]["platform_request"]
    if not sent["size"]:
        return None
    names = dict(fields or {name: name for name in document["masked"]})
    remarks = _masked([names[name] for name in document["masked"] if name in names])
    remarks.append("the same call id: what comes of it joins the recorded call")
    if secret:
        remarks.append(f"{SECRET} stands for the secret of the path")
    headers = [("Content-Type", content_type(document["dialect"]))]
    url = platform_url(document, bridge_url, secret=secret)
    return _command("POST", url, headers, sent["body"], [*remarks, *_cut(sent)])


def to_backend(document: Mapping[str, Any]) -> str | None:
    """What the backend was sent last; None where it was not asked."""
    sent = document["stations"]["backend_request"]
    if sent is None:
        return None
    headers = [(name, value) for name, value in sent["headers"] if name.lower() not in _LEFT_OUT and _TOKEN.fullmatch(name)]
    masked = [*document["masked"], *(name for name, value in headers if value == _HIDDEN)]
    remarks = _masked(masked)
    if any(name.lower() in _SIGNED for name, _ in sent["headers"]):
        remarks.append("webhook-signature is left out: it held for that moment and that body")
    return _command(sent["method"], sent["url"], headers, sent["body"], [*remarks, *_cut(sent)])


SECRET = "SECRET"  # noqa: S105  # stands where the path's secret does


def platform_url(document: Mapping[str, Any], bridge_url: str, *, secret: bool) -> str:
    """Where an exchange's platform posts to; its method is the last segment where the body does not name it."""
    method = f"/{percent_encoded(document['method'], safe='')}" if document["dialect"] == REST and document["method"] else ""
    return f"{bridge_url.rstrip('/')}/{route(document['platform'])}{f'/{SECRET}' if secret else ''}{method}"


def _masked(names: Sequence[str]) -> list[str]:
    return [f"masked when it was recorded, and to be given: {', '.join(names)}"] if names else []


def _cut(sent: Mapping[str, Any]) -> list[str]:
    return [f"the body had {sent['size']} bytes, only its beginning was recorded"] if is_cut(sent) else []


def _command(method: str, url: str, headers: Sequence[tuple[str, str]], body: str, remarks: Sequence[str]) -> str:
    """The command, one option a line, remarks before it as comments."""
    odd = _odd(body)
    bodiless = not body and method in ("GET", "HEAD")
    options = [] if method == "POST" or (bodiless and method == "GET") else [f"-X {_word(method)}"]
    options += [f"-H {_word(f'{name}: {value}' if value else f'{name};')}" for name, value in headers]
    if not bodiless:
        options.append("--data-binary @-" if odd else f"--data-binary {quoted(body)}")
    lines = [f"{f'printf {_printed(body)} | ' if odd else ''}curl -sS {_careful(url)}{_word(url)}", *options]
    return "\n".join([*(f"# {_commented(remark)}" for remark in remarks), " \\\n  ".join(lines)])


def quoted(text: str) -> str:
    """`text` as one word of sh. What no terminal takes as it is becomes `?`; a body of such goes through `_printed`."""
    plain = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    return "'" + plain.replace("'", "'\\''") + "'"


def _word(text: str) -> str:
    """A URL or a header, which has one line."""
    return quoted(text.replace("\n", "?"))


def _odd(body: str) -> bool:
    """Whether a terminal, an interactive shell or curl would make something else of it than its text.

    A TAB or an escape is a key that is pressed; `!` on a second line calls the history up in older shells.
    """
    return body.startswith("@") or ("\n" in body and "!" in body) or not body.replace("\n", "").isprintable()


def _printed(body: str) -> str:
    """The format with which printf writes exactly the bytes of `body`: plain text, the rest in octal."""
    first = "\\055" if body.startswith("-") else ""  # it would begin an option
    return quoted(first + "".join(map(_octal, body[len(first[:1]) :])))


def _octal(character: str) -> str:
    if character in "\\%":
        return character * 2
    if character == "\n" or (character.isprintable() and character != "!"):
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))


def _careful(url: str) -> str:
    """The options that keep curl from reading more into a URL than stands there."""
    return ("--globoff " if re.search(r"[\[\]{}]", url) else "") + ("--path-as-is " if "/." in url else "")


def _commented(remark: str) -> str:
    """One line in which nothing ends the comment, nor means anything to a shell that knows none."""
    return re.sub(r"[^\w ,.:/-]", "_", remark)

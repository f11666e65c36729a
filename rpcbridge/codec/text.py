"""Bytes -> UTF-8 bytes without BOM, blanks and XML declaration. Knows encodings, not what the text says.

The transport's Content-Type is never asked: PHP's curl posts XML as a form.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from encodings.aliases import aliases

from rpcbridge.errors import CallError, NotWellFormed, Repair, UnsupportedEncoding

_BLANK = b" \t\r\n\0"
_DECLARED = re.compile(rb"\n*<\?xml(?:[\s?]|\Z)")
_DECLARATION = re.compile(rb"\n*<\?xml\s[^<>]*?\?>")
_LABEL = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")

# The visual/implicit suffix says how to lay out Hebrew, not how to read its bytes.
_ALIASES = {"iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8"}

# Only a label that Python ships is looked up: it keeps a note of every other one for good.
_KNOWN = frozenset(aliases) | frozenset(aliases.values())

# What may stand for anything in it: `<?xml` in UTF-7 need not be what it looks like.
_NOT_FOR_XML = {"utf-7"}

# What a sender that declares utf-8 most often really sends on this market.
_MISLABELLED = "windows-1255"


def to_utf8(body: bytes) -> tuple[bytes, tuple[Repair, ...]]:
    """The text of `body` as UTF-8, stripped at both ends, and what had to be repaired to read it.

    Raises NotWellFormed for bytes that do not fit their encoding, UnsupportedEncoding for an
    unknown label.
    """
    body = _stripped(_from_utf16(body))
    if not _DECLARED.match(body):
        return _from_label(body, "utf-8")
    declaration = _DECLARATION.match(body)
    if declaration is None:
        raise NotWellFormed("line 1: the XML declaration is not closed")
    label = _LABEL.search(declaration[0])
    # The declaration goes, its line ends stay: errors name the sender's line.
    rest = b"\n" * declaration[0].count(b"\n") + body[declaration.end() :]
    return _from_label(rest, label[1].decode("latin-1") if label else "utf-8")


def readable(body: bytes) -> str:
    """`body` for a person to read, whatever it is: as nearly as it came as can be told, without BOM and NULs."""
    if body.isascii() and b"\0" not in body:  # nearly every body
        return body.decode("ascii")
    if b"\0" in body[:4] or body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = body.decode(json.detect_encoding(body), "replace")
    else:
        text = _readable(body)
    return text.lstrip("\ufeff").replace("\0", "")


def _readable(body: bytes) -> str:
    with suppress(UnicodeError):
        return body.decode()
    try:
        return to_utf8(body)[0].decode()
    except CallError:
        return body.decode("utf-8", "replace")


def _stripped(body: bytes) -> bytes:
    """`body` without BOM, blanks and NULs around it, the line ends before it kept: errors name the sender's line."""
    text = body.lstrip(_BLANK).removeprefix(codecs.BOM_UTF8).lstrip(_BLANK)
    before = body[: len(body) - len(text)].count(b"\n")
    return b"\n" * before + text.rstrip(_BLANK)


def _from_utf16(body: bytes) -> bytes:
    """UTF-16 (by its BOM, or by the NULs between ASCII characters) as UTF-8; anything else as it is."""
    head = body[:4]
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    elif b"\0" not in head:  # nearly every body: done with the cheapest question first
        return body
    elif len(head) == 4 and [byte == 0 for byte in head] == [False, True, False, True]:
        encoding = "utf-16-le"
    elif len(head) == 4 and [byte == 0 for byte in head] == [True, False, True, False]:
        encoding = "utf-16-be"
    else:
        return body
    # One byte too many at the end is a C string's NUL or a line end that somebody added.
    even = body[:-1] if len(body) % 2 and body[-1:] in (b"\0", b"\n") else body
    try:
        return even.decode(encoding).encode()
    except UnicodeError as error:
        raise NotWellFormed(f"not valid {encoding}: {error}") from None


def _from_label(body: bytes, label: str) -> tuple[bytes, tuple[Repair, ...]]:
    if body.isascii():
        _python_name(label)
        return body, ()
    name = _python_name(label)
    try:
        if name in ("utf-8", "ascii"):
            body.decode("utf-8")
            return body, ()
        return body.decode(name).encode(), ()
    except UnicodeError as error:
        if name not in ("utf-8", "ascii"):
            raise NotWellFormed(f"not valid {label}: {error}") from None
    try:
        text = body.decode(_MISLABELLED)
    except UnicodeError:
        raise NotWellFormed(f"neither valid utf-8 nor {_MISLABELLED}") from None
    return text.encode(), (Repair("wrong_encoding", "", f"said {label}, read as {_MISLABELLED}"),)


def _python_name(label: str) -> str:
    """Python's name for a declared encoding that extends ASCII, `utf-8` for a UTF-16 label on 8-bit text."""
    wanted = label.strip().lower()
    if wanted in ("utf-8", "utf8"):
        return "utf-8"
    wanted = _ALIASES.get(wanted, wanted)
    try:
        if re.sub("[- .]", "_", wanted) not in _KNOWN:
            raise LookupError
        name = codecs.lookup(wanted).name
        if name in _NOT_FOR_XML:
            raise LookupError
        if name.startswith(("utf-16", "utf-32")):
            return "utf-8"
        if "<?xml".encode(name) != b"<?xml":
            raise LookupError
    except (LookupError, UnicodeError, ValueError, TypeError):
        raise UnsupportedEncoding(f"unknown encoding {label[:40]!r}: use utf-8") from None
    return name

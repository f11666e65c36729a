"""What must not reach libxml2. Works on UTF-8 bytes, before any parsing.

libxml2 keeps every distinct name it has seen for the life of its thread, so a stranger could
fill the memory with bodies of made-up tags, attributes, entities, processing instructions or blanks.
Only XML-RPC's own names pass, and everything a call does not need is taken out first.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from rpcbridge.errors import NotACall, NotWellFormed

_NAMES = (
    b"value|member|name|struct|string|int|i4|i8|double|boolean|dateTime\\.iso8601|base64|array|data|nil"
    b"|param|params|methodName|methodCall|methodResponse|fault"
    # Apache's extension types, written by Java senders as ex:i1 and so on.
    b"|i1|i2|biginteger|bigdecimal|float|dateTime"
)

# It also keeps every distinct run of 16 blanks or more between two tags.
_BLANKS = re.compile(rb">[ \t\r\n]{16,}<")
_KNOWN_NAME = re.compile(rb"/?(?:ex:)?(?:" + _NAMES + rb")")
_ENTITY = rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)"

# Nearly every body is made of these tags alone; anything else goes the long way round. Two
# patterns, each beginning with one character: that is how `re` skips fast.
_UNUSUAL_TAG = re.compile(rb"<(?!/?(?:" + _NAMES + rb")(?:>|/>))")
UNKNOWN_ENTITY = re.compile(_ENTITY)

_TOKEN = re.compile(
    rb"<!--(?P<comment>.*?-->)?"
    rb"|<!\[CDATA\[(?P<cdata>.*?\]\]>)?"
    rb"|<\?(?P<pi>.*?\?>)?"
    rb"|<!(?P<declaration>[A-Za-z]*)"
    rb"|<(?P<slash>/?)(?:ex:)?(?P<name>" + _NAMES + rb")"
    rb"(?P<attributes>(?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*+\s*)(?P<end>/?>)"
    rb"|<(?P<foreign>/?[^\s<>/]{0,40})"
    rb"|" + _ENTITY + rb"(?P<entity>[^\s;<&]{0,40})",
    re.DOTALL,
)


def purified(body: bytes) -> bytes:
    """`body` with XML-RPC's own elements only: no comments, processing instructions, attributes or prefixes.

    Raises NotACall for a DOCTYPE or a foreign element, NotWellFormed for what is not XML at all.
    """
    if _UNUSUAL_TAG.search(body) or UNKNOWN_ENTITY.search(body):
        body = _TOKEN.sub(lambda token: _kept(token, body), body)
    return _BLANKS.sub(lambda blanks: _fewer(blanks, body), body)


def _fewer(blanks: re.Match[bytes], body: bytes) -> bytes:
    """A few line ends for many blanks between two tags; those after a text that ends in `>` belong to it."""
    tag = body.rfind(b"<", 0, blanks.start())
    if body.find(b">", tag, blanks.start()) >= 0:
        return blanks[0]
    return b">" + b"\n" * min(blanks[0].count(b"\n"), 15) + b"<"


def _kept(token: re.Match[bytes], body: bytes) -> bytes:
    text, kind = token[0], token.lastgroup
    if text.startswith(b"<!["):
        if token["cdata"] is None:
            raise NotWellFormed(f"{_line(token, body)}: a CDATA section is not closed")
        return escape(token["cdata"][:-3].decode()).encode()
    if text.startswith((b"<!--", b"<?")):
        if kind not in ("comment", "pi"):
            raise NotWellFormed(f"{_line(token, body)}: a comment or processing instruction is not closed")
        # Its line ends stay, in a comment that the parser drops: later errors name the sender's line.
        lines = text.count(b"\n")
        return b"<!--" + b"\n" * lines + b"-->" if lines else b""
    if token["name"] is not None:
        if token["slash"] and (token["attributes"].strip() or token["end"] == b"/>"):
            raise NotWellFormed(f"{_line(token, body)}: a closing tag carries nothing but its name")
        lines = token["attributes"].count(b"\n")
        return b"<" + token["slash"] + token["name"] + b"\n" * lines + token["end"]
    if token["declaration"] is not None:
        raise NotACall(f"{_line(token, body)}: a DOCTYPE or other declaration is not allowed in a method call")
    if token["entity"] is not None:
        raise NotWellFormed(f"{_line(token, body)}: & begins no known entity; write &amp;")
    if _KNOWN_NAME.fullmatch(token["foreign"]):
        raise NotWellFormed(f"{_line(token, body)}: the tag <{token['foreign'].decode()} is broken")
    raise NotACall(f"{_line(token, body)}: <{token['foreign'].decode(errors='replace')}> is no element of XML-RPC")


def _line(token: re.Match[bytes], body: bytes) -> str:
    return "line " + str(body.count(b"\n", 0, token.start()) + 1)

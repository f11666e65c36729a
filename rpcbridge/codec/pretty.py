"""A payload laid out for a person: one member a line, values untouched. What cannot be read stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lxml import etree

from rpcbridge.codec.guard import purified
from rpcbridge.errors import CallError

_Element = etree._Element
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_INDENT = "  "
_TALL = etree.XPath("boolean(.//struct|.//array|.//params|.//param|.//fault|self::params|self::struct|self::array)")


def indented(text: str) -> str:
    """`text` with line breaks and indents, where it is XML-RPC or JSON; else `text` itself."""
    try:
        if text.lstrip()[:1] == "<":
            return _xml(text)
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError, CallError, etree.XMLSyntaxError):
        return text


def _xml(text: str) -> str:
    declared = text.lstrip().startswith("<?xml")
    body = text.lstrip()
    if declared:
        body = body.partition("?>")[2]
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, collect_ids=False, remove_comments=True)
    root = etree.fromstring(purified(body.strip().encode()), parser)
    return "\n".join([*([_DECLARATION] if declared else []), *_lines(root, "")])


def _lines(element: _Element, indent: str) -> Iterator[str]:
    if not _TALL(element):
        yield indent + etree.tostring(element, encoding="unicode", with_tail=False)
        return
    tag = element.tag
    yield f"{indent}<{tag}>"
    for child in element:
        yield from _lines(child, indent + _INDENT)
    yield f"{indent}</{tag}>"

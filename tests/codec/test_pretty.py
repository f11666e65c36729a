"""A payload laid out says the same, and what is broken stays readable."""

from __future__ import annotations

import xmlrpc.client
from contextlib import suppress

import pytest

from rpcbridge.codec import laid_out
from tests.support.bridge import ROOT


@pytest.mark.parametrize("path", sorted(ROOT.glob("fixtures/*/*/platform_re*.xml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_says_the_same(path):
    text = path.read_bytes().decode("utf-8", "ignore")
    assert "".join(laid_out(text).split()) == "".join(text.split())
    meant = None
    with suppress(Exception):  # some the judge cannot read
        meant = xmlrpc.client.loads(text)
    assert meant is None or xmlrpc.client.loads(laid_out(text)) == meant


def test_one_member_a_line_however_it_came():
    members = "\n\n  ".join(f"<member>\n <name>{name}</name>\n <value><string> {name} </string></value></member>" for name in "ab")
    text = f"<?xml version='1.0'?>\n<methodCall><params><param><value>\n<struct>{members}</struct></value></param></params></methodCall>"
    assert laid_out(text).splitlines() == [
        "<?xml version='1.0'?>",
        "<methodCall><params><param><value><struct>",
        "  <member><name>a</name><value><string> a </string></value></member>",
        "  <member><name>b</name><value><string> b </string></value></member>",
        "</struct></value></param></params></methodCall>",
    ]


@pytest.mark.parametrize("text", ["", "no", "{", "<", "<a", "</struct></struct><member>", '{"a": 1', "<value> </value>"])
def test_what_cannot_be_read_stays(text: str):
    assert "".join(laid_out(text).split()) == "".join(text.split())


def test_json():
    assert laid_out('{"a":[1,"ש"]}') == '{\n  "a": [\n    1,\n    "ש"\n  ]\n}'

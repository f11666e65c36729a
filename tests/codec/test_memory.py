"""A stranger's bodies leave nothing behind: libxml2 keeps names and blanks, Python keeps unknown encodings, for good."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from rpcbridge.codec import xmlrpc_plain
from tests.support.memory import growth

CALL = "<methodCall><methodName>M</methodName><params><param>{}</param></params></methodCall>"

# What stands around, and the piece that is repeated with a new name each time ({}).
SHAPES = {
    "tags": ("<value>{}</value>", "<u{}>x</u{}><u{}:value/>"),
    "attributes": ("<value{}>x</value>", " u{}='1'"),
    "namespaces": ("<value{}>x</value>", " xmlns:u{}='urn:{}'"),
    "instructions": ("<value>{}</value>", "<?u{}?>"),
    "entities": ("<value>{}</value>", "&u{};"),
    "entities in a plain call": (
        "<value><struct><member><name>A</name><value><string>{}</string></value></member></struct></value>",
        "&u{};",
    ),
    "members": ("<value><struct>{}</struct></value>", "<member><name>u{}</name><value>v{}</value></member>"),
}


def new_names(shape: str) -> Iterator[bytes]:
    around, piece = SHAPES[shape]
    count = 200_000 // len(piece.replace("{}", "123456789"))
    for body in range(300):
        filled = "".join(piece.replace("{}", f"{body * 1_000_000 + number:09d}") for number in range(count))
        yield CALL.format(around.replace("{}", filled)).encode()


def new_labels() -> Iterator[bytes]:
    for body in range(310):
        yield b'<?xml version="1.0" encoding="' + b"l%09d" % body * 20_000 + b'"?><methodCall/>'


def new_blanks() -> Iterator[bytes]:
    chance = random.Random(1)

    def blanks() -> str:
        return "".join(chance.choices(" \t\n", k=chance.randint(16, 50)))

    for _ in range(130):
        yield CALL.format("".join(f"<value>{blanks()}</value>{blanks()}" for _ in range(3_000))).encode()


def new_plain_calls() -> Iterator[bytes]:
    """Calls as plain as they come, which go the short way, with new names, texts and blanks between their tags."""
    chance = random.Random(1)

    def blanks() -> str:
        return "".join(chance.choices(" \t\n", k=chance.randint(16, 50)))

    def member() -> str:
        tags = ("<member>", f"<name>u{chance.random()}</name>", "<value>", f"<string>{chance.random()}</string>", "</value>", "</member>")
        return blanks().join(tags) + blanks()

    for _ in range(1_500):
        struct = f"<struct>{blanks()}{''.join(member() for _ in range(100))}</struct>"
        yield CALL.format(f"<value>{blanks()}{struct}{blanks()}</value>").encode()


@pytest.mark.parametrize("shape", SHAPES)
def test_new_names_leave_nothing(shape: str):
    assert growth(new_names, shape) < 30  # unguarded: 200 MiB


def test_unknown_encodings_leave_nothing():
    assert growth(new_labels) < 30  # unguarded: 53 MiB


def test_new_blanks_leave_nothing():
    assert growth(new_blanks) < 10  # unguarded: 40 MiB


def test_new_names_and_blanks_in_plain_calls_leave_nothing():
    assert all(xmlrpc_plain.read_call(body) for body in islice(new_plain_calls(), 3))
    assert growth(new_plain_calls) < 5  # with the blanks kept: 16 MiB

"""Where the fields of a JSON text stand, and where a text stops being JSON."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcbridge.translation.places import Places, Spot, places, spot

NESTED = b"""{
  "action": "call",
  "on_failure": {"menu": "m",
    "loops": 100
  },
  "dial_strings": ["a",
    "b"], "native": {
    "DATA": {"X":
      1}}
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("action", 2), ("on_failure", 3), ("on_failure.menu", 3), ("on_failure.loops", 4), ("dial_strings", 6),
        ("dial_strings.0", 6), ("dial_strings.1", 7), ("native", 7), ("native.DATA.X", 8),
    ],
)  # fmt: skip
def test_a_field_is_found_on_its_line(path: str, line: int):
    assert places(NESTED).lines[path] == line


def test_of_a_repeated_key_the_last_counts_with_what_is_in_it():
    found = places(b'{"a": {"x": 1,\n"y": 2},\n"a": {"y": 3},\n"a": {"y": 4}}')
    assert found.lines == {"a": 4, "a.y": 4}
    assert found.repeated == {"a": (1, 4)}


def test_two_fields_of_one_path_have_no_line():
    assert places(b'{"a.b": 1,\n"a":\n{"b": 2}}').lines == {"a": 2}


@pytest.mark.parametrize("body", [b"", b"{", b"<a/>", b'{"a": }', b"[" * 100_000, b'"x', b"\xff\xfe\x00"])
def test_what_is_no_json_has_no_places(body: bytes):
    assert places(body) == Places()


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf{\n\"a\": 1}", '{\n"a": 1}'.encode("utf-16"), b'{"x": "}{\\"\\n",\r\n"a": [{}, []]}'])
def test_encodings_escapes_and_line_ends(body: bytes):
    assert places(body).lines["a"] == 2


_KEYS = st.text("ab.\"\\\n{}[],:ש", max_size=3)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(_VALUES)
def test_every_path_leads_to_the_line_that_holds_its_key(value: object):
    text = json.dumps(value, indent=1, ensure_ascii=False)
    lines = text.split("\n")
    for path, line in places(text.encode()).lines.items():
        key = lines[line - 1].strip()
        assert path.split(".")[-1].isdigit() or json.dumps(path, ensure_ascii=False)[1:-1].endswith(_unquoted(key))


def _unquoted(line: str) -> str:
    key, _ = json.JSONDecoder().raw_decode(line)
    return json.dumps(key, ensure_ascii=False)[1:-1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1,\n "b": }', Spot("expecting value", 2, 7)),
        (b'{"a" 1}', Spot("expecting ':' delimiter", 1, 6)),
        (b'{"a": 1} x', Spot("extra data", 1, 10)),
        (b'{"s": "NaN",\n"a": NaN}', Spot("NaN is no JSON value", 2, 6)),
        ('{"a":\n "ש'.encode() + b'\xf9"}', Spot("the byte 0xf9 is not UTF-8", 2, 4)),
        (b'{"a": 1}', None),
        (b"[" * 100_000, None),
    ],
)
def test_where_a_text_stops_being_json(body: bytes, expected: Spot | None):
    assert spot(body) == expected


@pytest.mark.parametrize("body", [b"{" + b'"a":1,' * 40_000 + b'"b":1}', b"[" + b"{}," * 80_000 + b"1]", b'"' + b"\\\\" * 120_000 + b'"'])
def test_a_large_text_takes_no_time(body: bytes):
    started = time.monotonic()
    places(body)
    assert time.monotonic() - started < 5

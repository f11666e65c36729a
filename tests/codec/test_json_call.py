"""Reading JSON method calls: strict JSON, the vendor's own loose spelling of it, and what is refused."""

from __future__ import annotations

import time

import pytest

from rpcbridge.codec import Lexical, MethodCall, decode_call
from rpcbridge.errors import CallError, NotACall, NotWellFormed


def data_of(text: str) -> object:
    """DATA read strictly, which the lenient pass must read alike."""
    strict = decode_call(f'{{"METHOD": "M", "DATA": {text}}}'.encode())
    assert strict.repairs == ()
    assert lenient(text) == strict.params[0]
    return strict.params[0]


def lenient(text: str) -> object:
    call = decode_call(f'{{METHOD: "M", DATA: {text}}}'.encode())
    assert [repair.kind for repair in call.repairs] == ["lenient_json"]
    return call.params[0]


def refused(body: str) -> CallError:
    with pytest.raises(CallError) as error:
        decode_call(body.encode())
    return error.value


def test_a_strict_call_needs_no_repair():
    body = '\n{"METHOD" : " HANGUP_CALL ", "DATA" : {"DID": "073", "CALL_TIME_EPOCH": 15616841651}, "EXTRA": 1}\n'
    data = {"DID": "073", "CALL_TIME_EPOCH": "15616841651"}
    assert decode_call(body.encode()) == MethodCall("HANGUP_CALL", (data,), "json", ())


def test_the_document_s_unquoted_keys_are_read_and_counted_as_one_repair():
    body = (
        '{\n  METHOD: "GET_IVR_ACTION",\n  DATA: {\n    DID: "0732793256",\n    DTMF: "",\n    PREVIOUS_MENU: "-1"\n  }\n}'
    )
    call = decode_call(body.encode())
    assert (call.method, call.params) == ("GET_IVR_ACTION", ({"DID": "0732793256", "DTMF": "", "PREVIOUS_MENU": "-1"},))
    assert [repair.kind for repair in call.repairs] == ["lenient_json"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("'text'", "text"),
        ("'it\\'s'", "it's"),
        ("{'A': 'say \"hi\"'}", {"A": 'say "hi"'}),
        ("[1, 2,]", ["1", "2"]),
        ("{A: 1,}", {"A": "1"}),
        ("{A1: 1, _b2: 2, $c3: 3, d$4: 4}", {"A1": "1", "_b2": "2", "$c3": "3", "d$4": "4"}),
        ("{שם: 'דוד 5'}", {"שם": "דוד 5"}),
        ("[1, // 2\n 3 /* 4\n 5 */, 6]", ["1", "3", "6"]),
        ('["// 1", "/* 2 */", \'// 3\']', ["// 1", "/* 2 */", "// 3"]),
        ('["\\" 7 ", 8]', ['" 7 ', "8"]),
        ("'05' ", "05"),
        ("[+5, .5, 5., -.5e+3]", ["+5", ".5", "5.", "-.5e+3"]),
        ("'line \\\n continued'", "line  continued"),
    ],
)
def test_json5_s_shapes_are_read_leniently(text: str, read: object):
    assert lenient(text) == read


@pytest.mark.parametrize(
    ("number", "type"),
    [
        ("5", "int"),
        ("0", "int"),
        ("-1", "int"),
        ("15616841651", "int"),
        ("1234567890123456789012345678901234", "int"),
        ("9" * 6_000, "int"),
        ("1.10", "double"),
        ("0.1000000000000000000000000001", "double"),
        ("1e3", "double"),
        ("1.50E-07", "double"),
        ("1e999", "double"),
        ("-0.0", "double"),
    ],
)
def test_a_number_keeps_its_text(number: str, type: str):
    for text in (number, f"[{number}]", f'{{"A": {number}}}'):
        read = data_of(text)
        scalar = read[0] if isinstance(read, list) else read["A"] if isinstance(read, dict) else read
        assert isinstance(scalar, Lexical)
        assert (str(scalar), scalar.type) == (number, type)


def test_many_numbers_stay_in_their_places():
    numbers = [str(number) for number in range(1_000)]
    assert data_of("[" + ",".join(numbers) + "]") == numbers


def test_true_false_and_null_are_not_text():
    read = data_of('[true, false, null, "true"]')
    assert read == ["true", "false", None, "true"]
    assert [getattr(scalar, "type", None) for scalar in read] == ["boolean", "boolean", None, None]


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "+Infinity", "-NaN", "0x10", "-0xff", "0x", "05", "-05", "00", "0730000000"]
)
@pytest.mark.parametrize(
    "body", ['{"METHOD": "M", "DATA": %s}', "{METHOD: 'M', DATA: %s}", '{"METHOD": "M", "DATA": [1, {"A": %s}]}']
)
def test_what_json_has_no_number_for_is_refused_in_both_passes(number: str, body: str):
    error = refused(body % number)
    assert (type(error), error.reason, error.dialect) == (NotWellFormed, "not_well_formed", "json")


def test_of_a_repeated_key_the_last_one_wins():
    # The document's own sample of SAYDIGITS repeats VALIDATION twice.
    assert data_of('{"VALIDATION": 0, "VALIDATION": "SAYDIGITSRECORD", "VALIDATION": "DIGITS"}') == {"VALIDATION": "DIGITS"}


@pytest.mark.parametrize(
    ("text", "read"),
    [('"\\ud83d\\ude00"', "😀"), ('"\\u05e9"', "ש"), ('"a\\/b\\n"', "a/b\n"), ('"\\u0000\\u0007"', "\0\a")],
)
def test_escapes_are_read(text: str, read: str):
    assert data_of(text) == read


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"'])
def test_half_a_character_is_replaced_and_counted(text: str):
    call = decode_call(f'{{"METHOD": "M", "DATA": {{"A": {text}}}}}'.encode())
    assert set(call.params[0]["A"]) == {"\ufffd"}
    assert [repair.kind for repair in call.repairs] == ["lone_surrogate"]
    call.params[0]["A"].encode()


def test_half_a_character_in_a_name_is_replaced_too():
    call = decode_call(b'{"METHOD": "M", "DATA": {"\\ud800": 1}}')
    assert call.params == ({"\ufffd": "1"},)


@pytest.mark.parametrize(
    "body",
    ["{}", '{"DATA": {}}', '{"METHOD": null}', '{"METHOD": ""}', '{"METHOD": "  "}', '{"METHOD": {}}', '{"METHOD": ["M"]}',
     '{"method": "M"}', "{METHOD: null}"],
)  # fmt: skip
def test_a_call_without_a_method_s_name_is_refused(body: str):
    error = refused(body)
    assert (type(error), error.method, error.dialect) == (NotACall, None, "json")
    assert "METHOD" in str(error)


@pytest.mark.parametrize("body", ["[]", '[{"METHOD": "M"}]', "[1, 2]"])
def test_batches_are_refused(body: str):
    assert "batch" in str(refused(body))


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('{"METHOD": "M",\n"DATA": {\n"A" 1}}', 3),
        ('{"METHOD": "M",\n"DATA": 0x10}', 2),
        ('{"METHOD": "M",\n\n"DATA": [05]}', 3),
        ("{METHOD: 'M',\n DATA: [1, 2}", 2),
    ],
)
def test_what_cannot_be_read_leniently_either_is_refused_with_its_line(body: str, line: int):
    error = refused(body)
    assert (type(error), error.dialect) == (NotWellFormed, "json")
    assert str(error).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    "body",
    ["{", "[", '{"', "{'", "{/*", "{//", '{"METHOD"', '{"METHOD": "M"', '{"METHOD": "M" "DATA"}', "{]", "[}", "{,}", "{a b: 1}",
     "{1: 2}", '{"a": +}', '{"a": -}', '{"a": .}', '{"a": 1e}', '{"a": 1.2.3}', '{"a": 5f}', '{"a": "\n', '{"a": \\u0031}', "{a: undefined}"],
)  # fmt: skip
def test_broken_text_is_refused(body: str):
    assert refused(body).reason == "not_well_formed"


@pytest.mark.parametrize("opening", ['{"METHOD": "M", "DATA": ', "{METHOD: 'M', DATA: ", "", "{a: "])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a": ', "}"), ("[", ""), ('{"a": ', "")])
def test_no_depth_breaks_anything(opening: str, left: str, right: str):
    started = time.perf_counter()
    assert isinstance(refused(opening + left * 100_000 + right * 100_000), NotACall | NotWellFormed)
    assert time.perf_counter() - started < 2


def test_values_may_be_nested_32_deep_and_no_deeper():
    body = '{{"METHOD": "M", "DATA": {}}}'
    decode_call(body.format("[" * 31 + "]" * 31).encode())
    error = refused(body.format("[" * 32 + "]" * 32))
    assert (error.reason, error.method, "deeper than 32" in str(error)) == ("not_a_call", "M", True)


def test_a_body_may_hold_5000_values_and_no_more():
    body = '{{"METHOD": "M", "DATA": [{}]}}'
    decode_call(body.format(",".join("1" * 4_997)).encode())
    error = refused(body.format(",".join("1" * 5_000)))
    assert (error.reason, error.method) == ("not_a_call", "M")


@pytest.mark.parametrize(
    "piece",
    ['"', "'", "\\", "{", "[", "1,", "0", "-", "+", ".", "e", "$", "/", "*", " ", "\n", "null,", "'a'", '"a",', "//\n"],
)
@pytest.mark.parametrize("before", ["{", "{a:", "{a:[", '{"a":1', "{a:'b"])
def test_pathological_bodies_are_done_with_fast(before: str, piece: str):
    started = time.perf_counter()
    refused(before + piece * (250_000 // len(piece)))
    assert time.perf_counter() - started < 2

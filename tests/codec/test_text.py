"""Encodings: which bytes are read as which text, and which are refused."""

from __future__ import annotations

import codecs

import pytest

from rpcbridge.codec import decode_call
from rpcbridge.codec.text import to_utf8
from rpcbridge.errors import NotWellFormed, UnsupportedEncoding

HEBREW = "שלום"


def body(text: str = HEBREW, declaration: str = "") -> str:
    call = f"<methodCall><methodName>M</methodName><params><param><value>{text}</value></param></params></methodCall>"
    return declaration + call


def declared(label: str, quote: str = '"') -> str:
    return f"<?xml version={quote}1.0{quote} encoding={quote}{label}{quote}?>"


def value_of(raw: bytes) -> object:
    call = decode_call(raw)
    assert call.repairs == ()
    return call.params[0]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (body().encode(), HEBREW),
        (body(declaration=declared("utf-8")).encode(), HEBREW),
        (body(declaration=declared("UTF-8")).encode(), HEBREW),
        (body(declaration=declared("utf8")).encode(), HEBREW),
        (body(declaration=declared("us-ascii")).encode(), HEBREW),
        (codecs.BOM_UTF8 + body().encode(), HEBREW),
        (codecs.BOM_UTF8 + body(declaration=declared("utf-8")).encode(), HEBREW),
        (codecs.BOM_UTF16_LE + body().encode("utf-16-le"), HEBREW),
        (codecs.BOM_UTF16_BE + body().encode("utf-16-be"), HEBREW),
        (codecs.BOM_UTF16_LE + body(declaration=declared("utf-16")).encode("utf-16-le"), HEBREW),
        (codecs.BOM_UTF16_BE + body(declaration=declared("UTF-16")).encode("utf-16-be"), HEBREW),
        (body(declaration=declared("utf-16")).encode("utf-16-le"), HEBREW),
        (body(declaration=declared("utf-16")).encode("utf-16-be"), HEBREW),
        (body().encode("utf-16-le"), HEBREW),
        (body().encode("utf-16-be"), HEBREW),
        (body("Zoë", declared("iso-8859-1")).encode("latin-1"), "Zoë"),
        (body("Zoë", declared("ISO-8859-1")).encode("latin-1"), "Zoë"),
        (body("5 €", declared("windows-1252")).encode("cp1252"), "5 €"),
        (body(declaration=declared("windows-1255")).encode("cp1255"), HEBREW),
        (body(declaration=declared("Windows-1255")).encode("cp1255"), HEBREW),
        (body(declaration=declared("iso-8859-8")).encode("iso-8859-8"), HEBREW),
        (body(declaration=declared("iso-8859-8-i")).encode("iso-8859-8"), HEBREW),
        (body(declaration=declared("ISO-8859-8-I")).encode("iso-8859-8"), HEBREW),
        (body(declaration=declared("iso-8859-8-e")).encode("iso-8859-8"), HEBREW),
        (body(declaration=declared("windows-1255", "'")).encode("cp1255"), HEBREW),
        (body(declaration="<?xml version='1.0'?>").encode(), HEBREW),
        (body(declaration='<?xml version="1.0" standalone="yes"?>\n').encode(), HEBREW),
        (body(declaration='<?xml\n  version = "1.0"\n  encoding = "windows-1255"\n?>').encode("cp1255"), HEBREW),
        (body("😀").encode("utf-16-le"), "😀"),
    ],
)
def test_every_encoding_reads_as_its_text(raw: bytes, text: str):
    assert value_of(raw) == text


@pytest.mark.parametrize("lead", [b"", b"\n", b"\r\n\r\n", b" \t\n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n\n"])
@pytest.mark.parametrize("trail", [b"", b"\n", b"\r\n", b"\0", b"\0\0\0", b"\n\0", b" \n "])
@pytest.mark.parametrize("declaration", ["", declared("utf-8"), declared("utf-8", "'")])
def test_blanks_boms_and_nuls_at_the_ends_are_ignored(lead: bytes, trail: bytes, declaration: str):
    assert value_of(lead + body(declaration=declaration).encode() + trail) == HEBREW


@pytest.mark.parametrize("trail", ["\n", "\0", "\r\n\0"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_utf_16_may_end_in_newlines_and_nuls_too(bom: str, encoding: str, trail: str):
    assert value_of((bom + body() + trail).encode(encoding)) == HEBREW


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_may_end_in_one_odd_nul(encoding: str):
    assert value_of(body().encode(encoding) + b"\0") == HEBREW


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_leading_blank_lines_do_not_hide_utf_16(encoding: str):
    assert value_of(("\n\n" + body()).encode(encoding)) == HEBREW


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_json_is_read_in_unicode_encodings(encoding: str):
    assert value_of(f'{{"METHOD": "M", "DATA": "{HEBREW}"}}'.encode(encoding)) == HEBREW


@pytest.mark.parametrize("label", ["utf-16", "UTF-16", "utf-16le", "utf-16be", "utf-32"])
def test_a_utf_16_label_on_8_bit_text_is_read_as_utf_8(label: str):
    assert value_of(body(declaration=declared(label)).encode()) == HEBREW


@pytest.mark.parametrize("label", ["utf-8", "UTF8", "us-ascii", "utf-16"])
def test_wrongly_labelled_windows_1255_is_read_and_counted_as_one_repair(label: str):
    call = decode_call(body(declaration=declared(label)).encode("cp1255"))
    assert call.params == (HEBREW,)
    assert [repair.kind for repair in call.repairs] == ["wrong_encoding"]


@pytest.mark.parametrize("raw", [body().encode("cp1255"), b'{"METHOD": "M", "DATA": "\xf9\xec\xe5\xed"}'])
def test_an_undeclared_windows_1255_is_read_and_counted_too(raw: bytes):
    call = decode_call(raw)
    assert (call.params, [repair.kind for repair in call.repairs]) == ((HEBREW,), ["wrong_encoding"])


@pytest.mark.parametrize("label", ["klingon", "", " ", "utf-7", "UTF7", "punycode", "idna", "undefined"])
@pytest.mark.parametrize("text", ["ascii", HEBREW])
def test_unknown_and_dangerous_labels_are_refused(label: str, text: str):
    with pytest.raises(UnsupportedEncoding) as refused:
        decode_call(body(text, declared(label)).encode())
    assert refused.value.reason == "unsupported_encoding"


@pytest.mark.parametrize(
    "label", ["hex", "base64", "zlib", "bz2", "rot13", "cp037", "cp500", "a\0b", "שלום", "é", "x" * 5000]
)
def test_what_python_calls_a_codec_is_no_encoding_for_that(label: str):
    with pytest.raises(UnsupportedEncoding):
        decode_call(body(declaration=declared(label)).encode())


def test_a_refused_label_is_named_and_cut_short():
    with pytest.raises(UnsupportedEncoding, match="klingon") as refused:
        to_utf8(body(declaration=declared("klingon" * 1000)).encode())
    assert len(str(refused.value)) < 120


def test_markup_hidden_in_utf_7_never_becomes_markup():
    # +ADw- is `<` in UTF-7: read so, a text would turn into an element after any check.
    assert value_of(body("+ADw-x/+AD4-", declared("utf-8")).encode()) == "+ADw-x/+AD4-"


@pytest.mark.parametrize(
    "raw",
    [
        body(declaration=declared("utf-8")).encode()[:-40] + b"\xff\xd9",  # neither utf-8 nor windows-1255
        body("Ā", declared("iso-8859-8")).encode(),  # 0xC4 is no letter of iso-8859-8
        codecs.BOM_UTF16_LE + "<a>".encode("utf-16-le") + b"\x00\xd8>\x00",  # half a surrogate pair
        "<a>".encode("utf-16-be") + b"\xd8\x00\x00>",
    ],
    ids=["no encoding", "iso-8859-8", "utf-16-le", "utf-16-be"],
)
def test_bytes_that_do_not_fit_their_encoding_are_refused(raw: bytes):
    with pytest.raises(NotWellFormed) as refused:
        decode_call(raw)
    assert refused.value.reason == "not_well_formed"


@pytest.mark.parametrize("raw", [b"<?xml", b"<?xml ", b'<?xml version="1.0" encoding="utf-8"', b'<?xml version="1.0"><a/>'])
def test_an_unclosed_declaration_is_refused(raw: bytes):
    with pytest.raises(NotWellFormed, match="declaration"):
        decode_call(raw)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\n\n", b" ", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_an_empty_body_is_said_to_be_empty(raw: bytes):
    with pytest.raises(NotWellFormed, match="empty"):
        decode_call(raw)


@pytest.mark.parametrize("raw", [b"METHOD=GET_IVR_ACTION&DID=1", b"hello", b'"text"', b"5", b"null", b"(", HEBREW.encode()])
def test_text_that_is_neither_xml_nor_json_is_refused_with_its_beginning(raw: bytes):
    with pytest.raises(NotWellFormed, match="neither XML nor JSON") as refused:
        decode_call(raw)
    assert raw.decode()[:4].strip('"') in str(refused.value)


def test_the_declaration_goes_and_its_line_ends_stay():
    text, repairs = to_utf8(b'<?xml version="1.0"\n encoding="utf-8"?>\n<a/>')
    assert (text, repairs) == (b"\n\n<a/>", ())

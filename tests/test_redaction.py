"""What must not be read in a record is not in it, in whatever form it came; and the rest is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcbridge.platforms import discovered
from rpcbridge.redaction import Known, Redactor, without_quotes
from tests.support.exchanges import PLATFORMS, whole

FIELDS = {"DID": "number", "CALLER_ID": "number", "DIALSTRINGS": "number", "CALLER_NAME": "name", "DTMF": "digits", "CALL_TIME_EPOCH": "plain"}
HIDE = Redactor(b"k" * 32, FIELDS, secret_headers=["X-Tenant-Key"])  # type: ignore[arg-type]
NOTHING = Known()
CALL = Known(["0541234567", "+97230001122"], ["Dana Levi"], "1234")


def xml(name: str, value: str) -> str:
    return f"<member><name>{name}</name><value>{value}</value></member>"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (xml("DID", "<string>0731234567</string>"), xml("DID", "<string>********67</string>")),
        (xml("DID", "0731234567"), xml("DID", "********67")),
        (xml("DID", "<i4>+972731234567</i4>"), xml("DID", "<i4>***********67</i4>")),
        (xml("DID", "<string>100</string>"), xml("DID", "<string>***</string>")),
        (xml("DID", "<string> 0731234567 </string>"), xml("DID", "<string> ********67 </string>")),
        (xml("DID", "<string><![CDATA[0731234567]]></string>"), xml("DID", "<string>********67</string>")),
        (xml("DID", "<string>073&#49;&#x32;34567</string>"), xml("DID", "<string>********67</string>")),
        (xml("DID", "<string>073<!-- -->1234567</string>"), xml("DID", "<string>********67</string>")),
        (xml("CALLER_NAME", "<string>Dana O'Brien &amp; Co</string>"), xml("CALLER_NAME", "<string>***</string>")),
        (xml("DTMF", "<string>1</string>"), xml("DTMF", "<string>1</string>")),
        (xml("DTMF", "<string>123</string>"), xml("DTMF", "<string>123</string>")),
        (xml("DTMF", "<string>1234</string>"), xml("DTMF", "<string>****</string>")),
        (xml("CALL_TIME_EPOCH", "<int>15616841651</int>"), xml("CALL_TIME_EPOCH", "<int>15616841651</int>")),
        (xml("OTHER", "<string>ring 0731234567 now</string>"), xml("OTHER", "<string>ring ********67 now</string>")),
        ('{"DID": "0731234567", "SIZE": 4}', '{"DID": "********67", "SIZE": 4}'),
        ("{DID: '0731234567'}", "{DID: '********67'}"),
        ('{"DID": 731234567}', '{"DID": *******67}'),
        ('{"DID": "073\\u0031234567"}', '{"DID": "********67"}'),
        ('{"DIALSTRINGS": ["SIP/1001", "12345"]}', '{"DIALSTRINGS": ["******01", "***45"]}'),
        ('{"caller_name": "Dana \\"D\\" Levi"}', '{"caller_name": "***"}'),
        ('{"target": "0731234567"', '{"target": "********67"'),
        ('{"digits": "0547", "max_digits": 4}', '{"digits": "****", "max_digits": 4}'),
        ('{"prompt": {"text": "call 054-123-4567 or 0541234567"}}', '{"prompt": {"text": "call **********67 or ********67"}}'),
        ('{"occurred_at": "2026-11-21T00:36:44.964Z"}', '{"occurred_at": "2026-11-21T00:36:44.964Z"}'),
        ('{"event_id": "01234567890123456789012345"}', '{"event_id": "01234567890123456789012345"}'),
        ("caller_number=%2B97250111222&menu=main", "caller_number=**********22&menu=main"),
        ("", ""),
        ("no form at all", "no form at all"),
    ],
)  # fmt: skip
def test_fields_are_masked_by_their_names_in_every_form(text: str, masked: str):
    assert HIDE.payload(text, NOTHING) == masked


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": {"text": "Call\\n0507654321\\tnow"}}',
        '{"caller_name": "\\"0507654321\\""}',
        xml("TARGET", "<array><data><value><string>SIP/0507654321</string></value></data></array>"),
        "<member><value><string>0507654321</string></value><name>TARGET</name></member>",
        xml("TARGET", "<string>05<?x ?>07654321</string>"),
        xml("TARGET", "<string>0507654321</string>").replace("<name>", "<name >"),
        xml("CALLER&#95;NAME", "<string>0507654321</string>"),
        'data={"TARGET":"0507654321"}',
        "raw=%7B%22TARGET%22%3A%220507654321%22%7D&menu=m",
        "TARGET=0507654321",
    ],
)  # fmt: skip
@pytest.mark.parametrize("number", ["0507654321", "51234"])
def test_no_way_to_write_a_number_gets_through(text: str, number: str):
    hide = Redactor(b"k" * 32, {"TARGET": "number", "CALLER_NAME": "name"})
    if number == "51234" and '"text"' in text:
        return  # so short a number in a prompt's text is taken for none
    assert number not in hide.payload(text.replace("0507654321", number), NOTHING)


def test_a_secret_in_a_query_is_gone_and_an_event_s_fields_stay():
    assert HIDE.url("http://b/a?key=s3cret&menu=main&digits=1", NOTHING) == "http://b/a?key=***&menu=main&digits=1"


def test_what_was_put_right_in_a_sensitive_field_is_not_quoted():
    assert HIDE.repair("digits", '73519 read as "73519"', NOTHING) == "***"
    assert HIDE.repair("dial_strings.0", '61235 read as "61235"', NOTHING) == "***"
    assert HIDE.repair("menu", '" main " read as "main"', NOTHING) == '" main " read as "main"'


def test_raw_fields_are_masked_wherever_they_stand():
    raw = {"CALLER_NAME": '"Dana Levi"', "more": {"DTMF": ["4829", {"DID": 731234567}]}}
    assert HIDE.fields({"raw": raw}, NOTHING) == {"raw": {"CALLER_NAME": '"***"', "more": {"DTMF": ["****", {"DID": "*******67"}]}}}


STATE = {"pin": "4829", "phone": 541112233, "choice": "2", "by": {"0507654321": [True, None, 51234, "x"]}, "caller_name": "Dana", "n": 3}
MASKED = {"pin": "****", "phone": "*******33", "choice": "2", "by": {"********21": [True, None, "*****", "x"]}, "caller_name": "***", "n": 3}


def test_what_a_caller_pressed_before_is_not_in_a_state():
    assert HIDE.fields({"state": STATE}, NOTHING) == {"state": MASKED}
    assert HIDE.fields({"state": "4829 and 12"}, NOTHING) == {"state": "**** and 12"}
    for nothing in (None, True, 0, "", 12):
        assert HIDE.fields({"state": nothing}, NOTHING) == {"state": nothing}
    assert Redactor(b"k" * 32, {}, secret_digits=True).fields({"state": {"pin": "12", "n": 3}}, NOTHING) == {"state": {"pin": "**", "n": "*"}}


@pytest.mark.parametrize("state", [STATE, [STATE], "4829", 4829, {"state": STATE}, "0507654321"], ids=repr)
def test_nor_is_it_in_a_text_that_carries_a_state(state: object):
    whole = json.dumps({"action": "hangup", "state": state, "cause": 16, "call_id": "1234567"})
    answers = [whole, whole.replace(" ", ""), whole[: len(whole) // 2], json.dumps({"native": {"ACTION": "HANGUP"}, "state": state})]
    written = state if isinstance(state, str) else json.dumps(state)
    forms = [urlencode({"event": "call_ended", "state": written}), "event=call_ended&raw=" + urlencode({"": whole})[1:]]
    for text in [*answers, *forms]:
        masked = HIDE.payload(text, NOTHING)
        for secret in ("4829", "541112233", "51234", "0507654321", "5076543"):
            assert secret not in masked, masked
    assert '"cause": 16, "call_id": "1234567"' in HIDE.payload(whole, NOTHING)


REJECTED = {
    "reason": "invalid_answer",
    "problems": [
        {"field": "target", "message": 'expected a text, got ["4829"]'}, {"field": "0541112233", "message": "unknown key 0541112233"},
        {"field": "digits", "message": 'expected digits, got "48 29"'}, {"field": "cause", "message": "expected 0 to 127, got 48291"},
    ],
    "served": {"action": "call", "target": "0507654321", "caller_name": "Dana Levi", "ring_timeout": 30},
}  # fmt: skip


def test_what_was_wrong_with_an_answer_is_told_without_what_it_quotes():
    assert HIDE.fields({"event": "action_rejected", "rejected": REJECTED}, NOTHING)["rejected"] == {
        "reason": "invalid_answer",
        "problems": [
            {"field": "target", "message": 'expected a text, got ["…"]'}, {"field": "********33", "message": "unknown key …"},
            {"field": "digits", "message": 'expected digits, got "… …"'}, {"field": "cause", "message": "expected 0 to 127, got …"},
        ],
        "served": {"action": "call", "target": "********21", "caller_name": "***", "ring_timeout": 30},
    }  # fmt: skip
    masked = HIDE.payload(urlencode({"event": "action_rejected", "rejected": json.dumps(REJECTED)}), NOTHING)
    for secret in ("4829", "48+29", "0541112233", "0507654321", "Dana"):
        assert secret not in masked
    assert "expected+0+to+127" in masked


def test_a_state_that_was_not_kept_is_still_explained():
    assert HIDE.repair("state", "5000 bytes of JSON, at most 4096; the one before is kept", NOTHING).endswith("the one before is kept")


def test_a_name_in_any_spelling_of_xml_and_json():
    known = Known(names=["דנה לוי"])
    for text in ("<a>&#1491;&#1504;&#1492; &#1500;&#1493;&#1497;</a>", json.dumps("דנה לוי"), json.dumps("דנה לוי").upper().replace("\\U", "\\u")):
        assert HIDE.payload(text, known).count("***") == 1


def test_values_known_from_the_call_are_found_wherever_they_stand():
    text = "<member><value>Dana Levi</value><name>CALLER_NAME</name></member><!x>1234 +97230001122 12345"
    assert HIDE.payload(text, CALL) == "<member><value>***</value><name>CALLER_NAME</name></member><!x>**** **********22 12345"


def test_digits_of_a_secret_menu_are_masked_whatever_their_length():
    secret = Known(digits="1", secret_digits=True)
    assert HIDE.payload('{"digits": "1", "turn": 1}', secret) == '{"digits": "*", "turn": 1}'
    assert HIDE.payload(xml("DTMF", "<string>12</string>"), secret) == xml("DTMF", "<string>**</string>")


def test_urls_and_headers():
    assert HIDE.url("http://b/ivr/0731234567?called_number=%2B97230001122&digits=1", CALL) == (
        "http://b/ivr/********67?called_number=**********22&digits=1"
    )
    headers = [("Authorization", "Bearer abc"), ("x-tenant-key", "s3cret"), ("Content-Length", "12"), ("X-Caller", "0541234567")]
    assert HIDE.headers(headers, CALL) == [
        ("Authorization", "***"), ("x-tenant-key", "***"), ("Content-Length", "12"), ("X-Caller", "********67"),
    ]  # fmt: skip


def test_a_log_s_remark_keeps_no_digits_in_quotes():
    assert without_quotes('DTMF: expected a text, got "1234" of 1234567') == 'DTMF: expected a text, got "…" of …'


def shaped(*fields: tuple[str, str]) -> str:
    return "".join(xml(name, f"<string>{value}</string>") for name, value in fields)


def test_what_was_learnt_of_one_call_s_request_hides_every_other_call_s():
    hide = Redactor(b"k" * 32, FIELDS)  # type: ignore[arg-type]
    shape = ("DID", "0731234567"), ("CALLER_ID", "{0}"), ("CALLER_NAME", "{1}"), ("DTMF", "{2}"), ("IVR_UNIQUE_ID", "{3}"), ("MENU", "main")
    for text in (shaped(*shape), "{" + ", ".join(f'"{name}": "{value}"' for name, value in shape) + "}", "&".join(map("=".join, shape))):
        for number, name, digits, id in (
            ("0541111111", "Dana Levi", "4829", "abc0541234"), ("0542222222", "דנה לוי", "482911", "1234567890"), ("+97254333333", "017W", "", "x"),
            ("0541111111", "0541111111", "0541111111", "0541111111"), ("1001", "1001", "1001", "1001"), ("054", "A&B", "12", "0731234567"),
        ):  # fmt: skip
            known = Known([number, "0731234567"], [name], digits, ids=[id])
            written = text.replace("{0}", number).replace("{1}", name).replace("{2}", digits).replace("{3}", id)
            full = known.removed(hide._masked(written, False))  # as it is done where nothing was learnt
            assert hide.payload(written, known) == full == hide.payload(written, known)


def test_a_value_in_a_field_of_another_kind_is_masked_as_that_field_says():
    hide = Redactor(b"k" * 32, FIELDS)  # type: ignore[arg-type]
    for number in ("0541111111", "0542222222"):
        known = Known([number], ["Dana"], "4829")
        odd = shaped(("CALLER_NAME", number), ("DTMF", number), ("DID", "Dana"), ("OTHER", number), ("CALLER_ID", f"x{number}"))
        masked = hide.payload(odd, known)
        assert masked == shaped(("CALLER_NAME", "***"), ("DTMF", "*" * 10), ("DID", "****"), ("OTHER", f"********{number[-2:]}"), ("CALLER_ID", f"*********{number[-2:]}"))


@given(st.lists(st.sampled_from(["0541234567", "Dana Levi", "1234", "c0ffee", "\x01", "\x04", "<", ">", '"', "=", "&", "<name>DID</name><value>", "0", " "]), max_size=12))
def test_nobody_s_marks_bring_a_value_to_light(parts: list[str]):
    known = Known(["0541234567"], ["Dana Levi"], "1234", ids=["c0ffee"])
    for begin in ("", "<", "{"):
        masked = HIDE.payload(begin + "".join(parts), known)
        alone = re.findall(r"(?<![0-9A-Za-z])(?:0541234567|Dana Levi|1234)(?![0-9A-Za-z])", masked)
        assert not alone


def test_pseudonyms_are_stable_within_one_store_only():
    other = Redactor(b"o" * 32, {})
    assert HIDE.pseudonym("0541234567") == HIDE.pseudonym("0541234567") != HIDE.pseudonym("0541234568")
    assert HIDE.pseudonym("0541234567") != other.pseudonym("0541234567")
    assert re.fullmatch("[0-9a-f]{16}", HIDE.pseudonym("0541234567"))
    assert HIDE.pseudonym("") == ""


def test_reveal_shows_all_but_credentials():
    shown = Redactor(b"k" * 32, {}, reveal=True)
    assert shown.payload('{"target": "0731234567"}', CALL) == '{"target": "0731234567"}'
    assert shown.headers([("authorization", "Bearer abc"), ("X-A", "0541234567")], CALL) == [("authorization", "***"), ("X-A", "0541234567")]


def payloads() -> list[Path]:
    folders = [folder for platform in PLATFORMS for folder in whole(platform)]
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix != ".md")


@pytest.mark.parametrize("path", payloads(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_fixture_s_number_or_name_is_left(path: Path):
    platform = path.parent.parent.name
    section = discovered()[platform]
    from rpcbridge.platforms import Options

    hide = Redactor(b"k" * 32, section.make(section.Section(), Options({})).sensitive)
    text = path.read_bytes().decode("utf-8", "replace")
    masked = hide.payload(text, NOTHING)
    for number in re.findall(r"(?<![0-9A-Za-z])0(?:5[0-9]|7[0-9])[0-9]{7}(?![0-9A-Za-z])", text):
        assert number not in masked


@given(st.text(max_size=80), st.text(alphabet="0123456789", min_size=7, max_size=15))
def test_no_number_survives_in_any_text(around: str, number: str):
    for text in (f"{around} {number} {around}", json.dumps({"x": number, "y": around}), urlencode({"x": number}), f"<a>{number}</a>{around}"):
        assert number not in HIDE.payload(text, NOTHING)


@given(st.text(max_size=300))
def test_whatever_comes_it_is_read_without_an_error(text: str):
    HIDE.payload(text, CALL)
    HIDE.payload("<" + text, CALL)
    HIDE.payload("{" + text, CALL)


KINDS = {"to": "number", "Text": "spoken", "replyId": "token", "xHeaders": "state", "id": "plain"}
MORE = Redactor(b"k" * 32, KINDS)  # type: ignore[arg-type]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJuIjoyfQ.Qb3kZ0mX8vN5tYw1RcJ7uHs4LgPd2EaF"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"to":"sip:+972540000000@trunk"}', '{"to":"sip:***********00@trunk"}'),
        ('{"to":"SIPS:0540000000@pbx.example;user=phone"}', '{"to":"SIPS:********00@pbx.example;user=phone"}'),
        ('{"to":"tel:0540000000"}', '{"to":"tel:********00"}'),
        ('{"to":"\\"Dana\\" <sip:0540000000@pbx.example>;tag=1"}', '{"to":"***<sip:********00@pbx.example>;tag=1"}'),
        ('{"to":"sip:dana@pbx.example"}', '{"to":"sip:****@pbx.example"}'),
        ('{"to":"sip:100@pbx.example"}', '{"to":"sip:***@pbx.example"}'),
        ('{"Text":"Your code is 0 5 4 7."}', '{"Text":"Your code is * * * *."}'),
        ('{"Text":"Your code is 0, 5, 4, 7"}', '{"Text":"Your code is *, *, *, *"}'),
        ('{"Text":"0547"}', '{"Text":"****"}'),
        ('{"Text":"Press 1 or 2"}', '{"Text":"Press 1 or 2"}'),
        (f'{{"replyId":"{JWT}"}}', f'{{"replyId":"***{JWT[-4:]}"}}'),
        ('{"replyId":"short"}', '{"replyId":"***"}'),
        ('{"xHeaders":{"X-Account":"12345","X-List":["4711",4712,1]}}', '{"xHeaders":{"X-Account":"*****","X-List":["****",****,1]}}'),
        ('{"xHeaders":{"X-Account":"12345"', '{"xHeaders":{"X-Account":"*****"'),
        ('{"other":"12345678-1234-4321-8765-123456789012 0541112233"}', '{"other":"12345678-1234-4321-8765-123456789012 ********33"}'),
    ],
)
def test_addresses_spoken_digits_tokens_and_headers(text: str, masked: str):
    found = MORE.payload(text, NOTHING)
    assert found == masked or json.loads(found.replace(",****,", ',"****",')) == json.loads(masked.replace(",****,", ',"****",'))
    try:
        content = json.loads(text)
    except ValueError:
        return
    assert json.dumps(MORE.fields(content, NOTHING)).replace('"', "").count("*") >= masked.count("*")


def test_a_known_address_is_masked_wherever_it_stands():
    call = Known(["sip:+972540000000@trunk"])
    assert MORE.payload('{"what":"to sip:+972540000000@trunk."}', call) == '{"what":"to sip:***********00@trunk."}'


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("0 5 4 7", "* * * *"), ("0547", "****"), ('"d/0.wav","d/5.wav","d/4.wav","d/7.wav"', '"d/*.wav","d/*.wav","d/*.wav","d/*.wav"'),
        ("0, 5 4 7", "0, 5 4 7"), ("1 0 5 4 7", "1 * * * *"), ("nothing of it", "nothing of it"),
    ],
)  # fmt: skip
def test_digits_that_are_said_are_found_however_they_are_said(text: str, left: str):
    assert MORE.said(text, "0547") == left
    assert MORE.said(text, "547") == text  # a choice in a menu
    assert Redactor(b"k" * 32, {}, reveal=True).said(text, "0547") == text


def test_short_digits_are_spoken_of_in_no_secret_menu():
    assert MORE.payload('{"Text":"You pressed 4 and 7"}', Known(secret_digits=True)) == '{"Text":"You pressed * and *"}'
